//go:build !wasip1

package serai_test

import (
	"fmt"
	"strings"
	"testing"
	"github.com/seraihost/serai/guest-sdk/guesttest"
)

func TestGuest(t *testing.T) {
	s := guesttest.Start(t, guesttest.BuildGo(t, "testdata/guest", false))
	for _, p := range []string{"/rand", "/rand", "/rand", "/err", "/plain", "/panic", "/log", "/kv", "/big", "/x"} {
		r, err := s.Call("body", "path", p, "method", "POST", "header.x-a", "1", "param.id", "7")
		if err != nil {
			fmt.Printf("%s: %#v\n", p, err)
			continue
		}
		fmt.Println(p, r.Status, r.Headers, string(r.Body[:min(200, len(r.Body))]))
	}
	fmt.Println(s.Log())
	_ = strings.Join
}
