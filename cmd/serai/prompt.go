package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// prompt asks for a secret on the terminal that stdin is, without echo.
func (a *app) prompt(what string) ([]byte, error) {
	f, ok := a.stdin.(*os.File)
	if !ok {
		return nil, errors.New("stdin is not a terminal")
	}
	fd := int(f.Fd())
	fmt.Fprintf(a.stderr, "%s: ", what)
	if old, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		quiet := *old
		quiet.Lflag &^= unix.ECHO
		if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err == nil {
			defer unix.IoctlSetTermios(fd, unix.TCSETS, old) //nolint:errcheck // the shell resets it too
		}
	}
	line, err := bufio.NewReader(f).ReadBytes('\n')
	fmt.Fprintln(a.stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return chomp(line), nil
}
