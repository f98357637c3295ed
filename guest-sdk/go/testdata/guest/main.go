// The service guest shows the tests of the SDK what reaches a guest.
package main

import (
	crand "crypto/rand"
	"fmt"
	"math/rand"
	randv2 "math/rand/v2"
	"os"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
)

var state int

func init() {
	serai.Handle(handle)
	state = 1
}

func handle(r *serai.Request) (*serai.Response, error) {
	state++
	switch r.Path {
	case "/state":
		secret := make([]byte, 8)
		if _, err := crand.Read(secret); err != nil {
			return nil, err
		}
		host := make([]byte, 8)
		if err := serai.Random(host); err != nil {
			return nil, err
		}
		return serai.Text(fmt.Sprintf("%d %x %x %x %x", state, rand.Uint64(), randv2.Uint64(), secret, host)), nil
	case "/error":
		return nil, fmt.Errorf("outer: %w", serai.Errorf(abi.NotFound, "nothing here"))
	case "/panic":
		var m map[string]int
		m["a"] = 1
	case "/log":
		serai.Infof("an %s", "info")
		fmt.Println("on stdout")
		fmt.Fprintln(os.Stderr, "on stderr")
	case "/echo":
		return &serai.Response{Body: r.Body}, nil
	case "/kv":
		return keys()
	}
	return serai.JSON(map[string]any{"method": r.Method, "header": r.Header("X-A"), "param": r.Param("id"), "body": string(r.Body)})
}

func keys() (*serai.Response, error) {
	revision, err := serai.KV.Set("k", []byte("v"))
	if err != nil {
		return nil, err
	}
	_, conflict := serai.KV.CompareAndSet("k", []byte("w"), revision+1)
	value, err := serai.KV.Get("k")
	if err != nil {
		return nil, err
	}
	_, missing := serai.KV.Get("nope")
	list, next, err := serai.KV.List("", "", 10)
	if err != nil {
		return nil, err
	}
	return serai.Text(fmt.Sprintf("%s %t %v %v %s", value, serai.IsConflict(conflict), missing, list, next)), nil
}

func main() {}
