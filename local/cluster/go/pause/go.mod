// Nothing but the standard library.
module platxa.io/functions/local/cluster/pause

go 1.26.0
