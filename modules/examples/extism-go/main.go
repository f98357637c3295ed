// Command extism-go is an Extism plugin in Go: it counts the vowels of its
// input, and keeps a total in a variable.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o vowels.wasm .
//	serai deploy vowels.wasm --name vowels --route "POST /vowels" --export count_vowels
package main

//go:generate sh -c "GOOS=wasip1 GOARCH=wasm GOFLAGS= CGO_ENABLED=0 go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w' -o vowels.wasm . && chmod -x vowels.wasm && go env GOVERSION >toolchain.txt"

import (
	"strconv"
	"strings"

	"github.com/extism/go-pdk"
)

//go:wasmexport count_vowels
func countVowels() int32 {
	vowels, ok := pdk.GetConfig("vowels")
	if !ok {
		vowels = "aeiouAEIOU"
	}
	count := 0
	for _, r := range pdk.InputString() {
		if strings.ContainsRune(vowels, r) {
			count++
		}
	}
	total := pdk.GetVarInt("total") + count
	pdk.SetVarInt("total", total)
	pdk.Log(pdk.LogInfo, "counted "+strconv.Itoa(count))
	pdk.OutputString(`{"count":` + strconv.Itoa(count) + `,"total":` + strconv.Itoa(total) + `}`)
	return 0
}

// fetch answers what the URL in its input answers. The host sends the
// request through a connection whose base address covers the URL.
//
//go:wasmexport fetch
func fetch() int32 {
	r := pdk.NewHTTPRequest(pdk.MethodGet, pdk.InputString())
	r.SetHeader("Accept", "application/json")
	reply := r.Send()
	if reply.Status() != 200 {
		pdk.SetErrorString("the system answered " + strconv.Itoa(int(reply.Status())))
		return 1
	}
	pdk.Output(reply.Body())
	return 0
}

func main() {}
