// Package serai is what services in Go import. A service registers a handler
// and is built as a WASI reactor:
//
//	package main
//
//	import serai "github.com/seraihost/serai/guest-sdk/go"
//
//	func init() { serai.Handle(hello) }
//
//	func hello(req *serai.Request) (*serai.Response, error) {
//		return serai.JSON(map[string]string{"hello": req.Query("name")})
//	}
//
//	func main() {}
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o hello.wasm .
//	serai deploy hello.wasm --name hello --route "GET /hello"
//
// All init functions, and the one given to [Init], run once, when the service
// is deployed; the memory that they leave is where every call starts. A call
// ends with its handler: goroutines that outlive it do not run on.
//
// Since every call starts from that memory, every call is a first one: what a
// program would set up lazily belongs into an init function. [Warm] does so
// for types that are exchanged as JSON.
//
// Bodies are collected, since most are small. [HandleStream], [Response].Stream
// and [Connection.DoStream] are for those that do not fit into memory.
//
// The packages beside this one, such as sql and kv, have the operations of each
// type of connections and of the host itself, as cmd/seraigen writes them from
// their descriptions. [KV], [Config], [HTTP] and [Invoke] are shorter ways to
// what is used most.
//
// Elsewhere than on wasip1 the package compiles against a host that tests
// provide; see package seraitest.
package serai
