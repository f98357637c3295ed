// The service payments.get-balance stands in for the bank's payments system:
// it answers POST /payments/balance/get with the balance of an account.
//
// payments.wasm beside it comes from this command, with the version of Go in
// toolchain.txt; a test compares the bytes.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags="-s -w" -o payments.wasm .
package main

import (
	"fmt"
	"hash/fnv"

	serai "github.com/seraihost/serai/guest-sdk/go"
)

func init() {
	serai.Handle(balance)
	serai.Warm(question{}, answer{})
}

type question struct {
	Account string `json:"ACC_NUM"`
}

type answer struct {
	Balance string `json:"ACC_BALANCE"`
}

// balances are the accounts of the tutorial; others get an invented balance.
var balances = map[string]string{"123456": "357.9", "987654": "1024.0"}

func balance(req *serai.Request) (*serai.Response, error) {
	var q question
	if err := req.JSON(&q); err != nil || q.Account == "" {
		return serai.Text("send the account as {\"ACC_NUM\": \"...\"}\n").With(400), nil
	}
	b, ok := balances[q.Account]
	if !ok {
		h := fnv.New32a()
		_, _ = h.Write([]byte(q.Account)) // never fails
		b = fmt.Sprintf("%d.%d", h.Sum32()%10000, h.Sum32()/10000%10)
	}
	serai.Infof("balance of account %s is asked for; cid=%s", q.Account, req.CID)
	return serai.JSON(answer{b})
}

func main() {}
