package serai

import (
	"bufio"
	"fmt"
	"io"
)

// Written returns a body that write makes, for [Response.Stream] and for
// operations:
//
//	return &serai.Response{Stream: serai.Written(func(w *bufio.Writer) error {
//		for n := range 1_000_000 {
//			fmt.Fprintln(w, n)
//		}
//		return nil
//	})}, nil
//
// What it writes goes out when w's buffer of 32 KiB is full, at each w.Flush,
// and when it returns nil. Its error breaks the body off.
func Written(write func(w *bufio.Writer) error) io.Reader { return &written{write: write} }

const writtenBuffer = 32 << 10

// written is run where the body is sent, by io.Copy, which calls WriteTo.
type written struct {
	write func(*bufio.Writer) error
	pipe  *io.PipeReader // for who wraps the body and so has to read it
}

var (
	_ io.WriterTo   = (*written)(nil)
	_ io.ReadCloser = (*written)(nil)
)

// WriteTo implements io.WriterTo.
func (b *written) WriteTo(w io.Writer) (int64, error) {
	if b.pipe != nil {
		return io.Copy(w, b.pipe) //nolint:wrapcheck // between two of the caller's
	}
	to := counter{Writer: w}
	buffer := bufio.NewWriterSize(&to, writtenBuffer)
	err := b.write(buffer)
	if err == nil {
		err = buffer.Flush()
	}
	return to.n, err
}

// Read implements io.Reader.
func (b *written) Read(p []byte) (int, error) {
	if b.pipe == nil {
		from, to := io.Pipe()
		go func() {
			defer func() {
				if fault := recover(); fault != nil {
					_ = to.CloseWithError(fmt.Errorf("panic: %v", fault))
				}
			}()
			_, err := (&written{write: b.write}).WriteTo(to)
			_ = to.CloseWithError(err)
		}()
		b.pipe = from
	}
	return b.pipe.Read(p) //nolint:wrapcheck // an error of the author's
}

// Close implements io.Closer.
func (b *written) Close() error {
	if b.pipe != nil {
		_ = b.pipe.Close() // never fails
	}
	return nil
}

// counter counts what is written through it.
type counter struct {
	io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // between two of the caller's
}
