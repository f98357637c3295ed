// The service payments.get-balance stands in for the bank's payments system:
// it answers POST /payments/balance/get with the balance of an account, that
// of ?USER=... or the one of {"ACC_NUM": ...}.
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

// accounts are those of the users of the tutorial.
var accounts = map[string]string{"my.user": "123456", "jane.roe": "987654"}

// balances are those of the accounts of the tutorial; others get an invented one.
var balances = map[string]string{"123456": "357.9", "987654": "1024.0"}

func balance(req *serai.Request) (*serai.Response, error) {
	account := req.Query("USER")
	if number, ok := accounts[account]; ok {
		account = number
	}
	if account == "" {
		var q question
		if err := req.JSON(&q); err != nil || q.Account == "" {
			return serai.Text("send the user as ?USER=... or the account as {\"ACC_NUM\": \"...\"}\n").With(400), nil
		}
		account = q.Account
	}
	b, ok := balances[account]
	if !ok {
		h := fnv.New32a()
		_, _ = h.Write([]byte(account)) // never fails
		b = fmt.Sprintf("%d.%d", h.Sum32()%10000, h.Sum32()/10000%10)
	}
	serai.Infof("the balance of %s is asked for; cid=%s", account, req.CID)
	return serai.JSON(answer{b})
}

func main() {}
