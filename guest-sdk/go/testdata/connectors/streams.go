package main

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc64"
	"io"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/http"
)

var store = serai.HTTP("Store")

// move moves what does not fit into memory. Who invokes it says what by the
// content type.
func move(r *serai.Request) (*serai.Response, error) {
	what := r.Param("what")
	if r.Channel != abi.ChannelHTTP {
		what = r.Header("content-type")
	}
	switch how := r.Param("how"); what {
	case "up":
		return up(r, how)
	case "down":
		return down(r, how)
	case "across":
		return across()
	case "both":
		return &serai.Response{Stream: flip{r.Stream()}}, nil
	case "echo":
		return &serai.Response{Stream: r.Stream(), Body: []byte("> ")}, nil
	case "hash":
		return hash(r)
	case "json":
		var v struct{ N int }
		err := r.JSON(&v)
		return serai.Text(fmt.Sprint(v.N, r.Length(), r.Body == nil)), err
	case "leave":
		return leave()
	}
	return serai.Text("did not look"), nil
}

// flip inverts every byte.
type flip struct{ io.Reader }

func (f flip) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	for i := range p[:n] {
		p[i] ^= 0xff
	}
	return n, err
}

func up(r *serai.Request, how string) (*serai.Response, error) {
	put := &serai.HTTPRequest{Method: "PUT", Path: "/take", Stream: r.Stream()}
	switch how {
	case "flipped":
		put.Path, put.Stream = "/flipped", flip{r.Stream()}
	case "told":
		put.Path, put.Stream, put.Length = "/flipped", flip{r.Stream()}, r.Length()
	case "pipe":
		from, to := io.Pipe()
		go func() {
			_, err := io.Copy(to, r.Stream())
			to.CloseWithError(err)
		}()
		put.Stream = from
	case "fails":
		put.Stream = io.MultiReader(io.LimitReader(r.Stream(), 100_000), failing{})
	case "refused":
		put.Path, put.Stream = "/refuse-early", flip{r.Stream()}
	case "none":
		put.Path = "/nowhere/{id}"
	}
	reply, err := store.DoStream(put)
	if err != nil {
		return nil, err
	}
	return &serai.Response{Status: reply.Status, Stream: reply.Stream}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("a fault of the author") }

func down(r *serai.Request, how string) (*serai.Response, error) {
	reply, err := store.DoStream(&serai.HTTPRequest{Path: "/" + r.Query("path")})
	if err != nil {
		return nil, err
	}
	resp := &serai.Response{Stream: reply.Stream, Headers: serai.Values{{Name: "X-From", Value: "store"}}}
	switch how {
	case "flipped":
		resp.Stream = flip{reply.Stream}
	case "told":
		resp.Stream = flip{reply.Stream}
		resp.Set("content-length", reply.Header("Content-Length"))
	case "written":
		resp.Stream = serai.Written(func(w *bufio.Writer) error {
			_, err := io.Copy(w, flip{reply.Stream})
			return err
		})
	case "fails":
		resp.Stream = io.MultiReader(io.LimitReader(reply.Stream, 100_000), failing{})
	case "fails-at-once":
		resp.Stream = failing{}
	case "panics":
		resp.Stream = serai.Written(func(w *bufio.Writer) error {
			_, _ = io.CopyN(w, reply.Stream, 100_000)
			panic("oh")
		})
	case "part":
		n, err := io.CopyN(io.Discard, reply.Stream, 100_000)
		if err == nil {
			err = reply.Stream.Close()
		}
		_, closed := reply.Stream.Read(make([]byte, 1))
		return serai.Text(fmt.Sprint(n, " ", closed)), err
	case "count":
		n, err := io.Copy(io.Discard, reply.Stream)
		return serai.Text(fmt.Sprint(n > 0, " ", serai.CodeOf(err), " ", err)), nil
	case "closed":
		return resp, reply.Stream.Close()
	}
	return resp, nil
}

// across moves from one operation to another, by the functions of its type.
func across() (*serai.Response, error) {
	system := http.Connection("Store")
	give, err := system.RequestStream(http.RequestRequest{Path: "/give"})
	if err != nil {
		return nil, err
	}
	take, err := system.Request(http.RequestRequest{Method: "PUT", Path: "/take", Stream: give.Stream})
	if err != nil {
		return nil, err
	}
	return serai.Bytes("text/plain", take.Body), nil
}

func hash(r *serai.Request) (*serai.Response, error) {
	h := crc64.New(crc64.MakeTable(crc64.ECMA))
	n, err := io.Copy(h, r.Stream())
	return serai.Text(fmt.Sprintf("%d %d %x", n, r.Length(), h.Sum(nil))), err
}

// leave opens more than a call may hold open unless it is read to its end, and
// closes none.
func leave() (*serai.Response, error) {
	for i := range 300 {
		reply, err := store.DoStream(&serai.HTTPRequest{Path: "/small"})
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
		if _, err := io.Copy(io.Discard, reply.Stream); err != nil {
			return nil, err
		}
	}
	for range 3 {
		if _, err := store.DoStream(&serai.HTTPRequest{Path: "/endless"}); err != nil {
			return nil, err
		}
	}
	return serai.Text("left"), nil
}
