-- What a superuser (or a managed database's administrator) does once on a fresh server, so that the functions never need
-- one again. Safe to repeat. The password comes from the environment: PLATXA_PASSWORD=… psql -f platform.sql
\getenv password PLATXA_PASSWORD
\set ON_ERROR_STOP on
SELECT 'CREATE ROLE platxa' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'platxa') \gexec
ALTER ROLE platxa LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
-- Everybody may connect to these two by default, and in `postgres` every tenant would hear every other's NOTIFY.
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO platxa WITH GRANT OPTION;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
-- The platform takes its locks in `postgres`. A tenant that may enter there could hold them; in its own database it keeps
-- the right to these functions.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO platxa', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_' \gexec
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_' \gexec
