// The yardstick: Go's httputil.ReverseProxy as one would deploy it. Arguments: address to listen on, URL of the instance.
package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

func main() {
	instance, _ := url.Parse(os.Args[2])
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(instance)
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 128},
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, proxy))
}
