// Package ext has the two types that Traefik embeds in its dynamic configuration for extensions. Without extensions they
// are empty.
package ext

type HTTP struct{}

type Router struct{}
