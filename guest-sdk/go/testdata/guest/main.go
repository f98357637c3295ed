package main

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand"
	randv2 "math/rand/v2"
	"strings"

	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/abi"
)

var state int

func init() { serai.Handle(handle); state = 1 }

func handle(r *serai.Request) (*serai.Response, error) {
	state++
	switch r.Path {
	case "/rand":
		b := make([]byte, 8)
		crand.Read(b)
		return serai.Text(fmt.Sprintf("%d %x %x %x", state, rand.Uint64(), randv2.Uint64(), b)), nil
	case "/err":
		return nil, fmt.Errorf("outer: %w", serai.Errorf(abi.NotFound, "nothing here"))
	case "/plain":
		return nil, errors.New("plain")
	case "/panic":
		var m map[string]int
		m["a"] = 1
	case "/log":
		serai.Infof("info %d", 1)
		fmt.Println("on stdout")
	case "/kv":
		rev, err := serai.KV.Set("k", []byte("v"))
		if err != nil { return nil, err }
		_, err = serai.KV.CompareAndSet("k", []byte("v"), rev+1)
		v, err2 := serai.KV.Get("k")
		_, err3 := serai.KV.Get("nope")
		keys, next, err4 := serai.KV.List("", "", 10)
		return serai.Text(fmt.Sprint(serai.IsConflict(err), err, string(v), err2, err3, keys, next, err4)), nil
	case "/big":
		return serai.Text(strings.Repeat("x", 1<<20)), nil
	}
	return serai.JSON(map[string]any{"m": r.Method, "h": r.Header("X-A"), "all": r.Headers(), "p": r.Param("id"), "b": string(r.Body)})
}

func main() {}
