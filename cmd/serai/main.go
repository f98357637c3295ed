// Command serai is Serai's daemon and command line in one binary: it runs a
// host, and it is the client of the control API of one. "serai help" lists
// the commands; docs/ has the whole story.
package main

import (
	"context"
	"io"
	"os"
)

func main() {
	os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// Exit codes, which scripts rely on.
const (
	exitOK     = 0
	exitFailed = 1 // refused, or failed
	exitUsage  = 2 // the command line makes no sense
)

// Main runs one command line and returns its exit code. It ends early when
// ctx does. env looks up environment variables.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	return a.main(ctx, commands(), args)
}
