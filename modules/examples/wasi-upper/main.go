// The program wasi-upper is a plain WASI command and knows nothing of Serai:
// the request's body comes on stdin, stdout becomes the reply's body, the
// request's metadata are the environment variables of RFC 3875.
//
//	GOOS=wasip1 GOARCH=wasm go build -ldflags="-s -w" -o upper.wasm .
//	serai deploy upper.wasm --name upper --route "POST /upper"
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err) // goes to the service's log
		os.Exit(1)                   // and the call has failed
	}
}

func run(in io.Reader, out io.Writer) error {
	body, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading request: %w", err)
	}
	if _, err := out.Write(bytes.ToUpper(body)); err != nil {
		return fmt.Errorf("writing reply: %w", err)
	}
	return nil
}
