// The service hello in Go: it greets, and counts its greetings in the
// key/value store.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o hello.wasm .
//	serai deploy hello.wasm --name hello --route "GET /hello/{name}"
package main

import (
	"strconv"

	serai "github.com/seraihost/serai/guest-sdk/go"
)

func init() {
	serai.Handle(hello)
	serai.Warm(greeting{})
}

type greeting struct {
	Hello string `json:"hello"`
	Count int    `json:"count"`
}

func hello(req *serai.Request) (*serai.Response, error) {
	name := req.Param("name")
	if name == "" {
		name = "world"
	}
	count, err := add("hello." + name)
	if err != nil {
		return nil, err
	}
	serai.Infof("greeting %s for the %d. time", name, count)
	return serai.JSON(greeting{Hello: name, Count: count})
}

// add counts in the store. Calls run side by side, so it writes only if no
// other call did in between, and otherwise tries again.
func add(key string) (int, error) {
	for {
		entry, err := serai.KV.Entry(key)
		if err != nil && !serai.IsNotFound(err) {
			return 0, err
		}
		n, _ := strconv.Atoi(string(entry.Value))
		n++
		_, err = serai.KV.CompareAndSet(key, []byte(strconv.Itoa(n)), entry.Revision)
		if !serai.IsConflict(err) {
			return n, err
		}
	}
}

func main() {}
