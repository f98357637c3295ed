// The service refused fails while it is initialised.
package main

import (
	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
)

func init() {
	serai.Handle(func(*serai.Request) (*serai.Response, error) { return nil, nil })
	serai.Init(func() error { return serai.Errorf(abi.Invalid, "init: no table") })
}

func main() {}
