//go:build !wasip1

package serai_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/seraitest"
)

// broken is a body that ends with an error after some bytes.
func broken(text string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(text), iotest.ErrReader(err))
}

var errAuthor = errors.New("a fault of the author")

func TestStreamedRequests(t *testing.T) {
	h := seraitest.New(t)
	gone := serai.Errorf(abi.Cancelled, "the client went away")
	all := func(r *serai.Request) (*serai.Response, error) {
		body, err := io.ReadAll(r.Stream())
		return serai.Text(fmt.Sprint(string(body), " ", r.Length(), " ", len(r.Body))), err
	}
	for name, c := range map[string]struct {
		handler serai.Handler
		call    seraitest.Call
		want    string
		code    abi.Code
	}{
		"pieces":              {all, seraitest.Call{Stream: iotest.OneByteReader(strings.NewReader("pieces"))}, "pieces -1 0", 0},
		"known":               {all, seraitest.Call{Body: "known"}, "known 5 0", 0},
		"nothing":             {all, seraitest.Call{}, " 0 0", 0},
		"data with the error": {all, seraitest.Call{Stream: iotest.DataErrReader(strings.NewReader("ab"))}, "ab -1 0", 0},
		"breaks":              {all, seraitest.Call{Stream: broken("abc", gone)}, "", abi.Cancelled},
		"breaks, and it does not mind": {func(r *serai.Request) (*serai.Response, error) {
			body, err := io.ReadAll(r.Stream())
			_, again := r.Stream().Read(make([]byte, 1))
			return serai.Text(fmt.Sprintf("%s %v %t", body, err, errors.Is(again, err))), nil
		}, seraitest.Call{Stream: broken("abc", gone)}, "abc the body broke off: cancelled true", 0},
		"JSON": {func(r *serai.Request) (*serai.Response, error) {
			var n int
			err := r.JSON(&n)
			return serai.Text(fmt.Sprint(n)), err
		}, seraitest.Call{Stream: iotest.HalfReader(strings.NewReader("123"))}, "123", 0},
		"JSON that breaks": {func(r *serai.Request) (*serai.Response, error) {
			var n int
			return nil, r.JSON(&n)
		}, seraitest.Call{Stream: broken("12", gone)}, "", abi.Cancelled},
		"one reader": {func(r *serai.Request) (*serai.Response, error) {
			_, err := r.Stream().Read(make([]byte, 2))
			rest, _ := io.ReadAll(r.Stream())
			return serai.Text(string(rest)), err
		}, seraitest.Call{Body: "abcd"}, "cd", 0},
	} {
		serai.HandleStream(c.handler)
		r := h.Serve(&c.call)
		if got := string(r.Body); got != c.want || (r.Error == nil) != (c.code == 0) || r.Error != nil && (r.Error.Code != c.code || r.Status != 500) {
			t.Errorf("%s: %d %q, %v", name, r.Status, got, r.Error)
		}
	}
	serai.Handle(func(r *serai.Request) (*serai.Response, error) {
		first := make([]byte, 3)
		_, err := io.ReadFull(r.Stream(), first)
		rest, _ := io.ReadAll(r.Stream())
		return serai.Text(fmt.Sprintf("%s %s %s %d", r.Body, first, rest, r.Length())), err
	})
	if r := h.Serve(&seraitest.Call{Stream: iotest.OneByteReader(strings.NewReader("collected"))}); r.Error != nil || string(r.Body) != "collected col lected 9" {
		t.Errorf("%q, %v", r.Body, r.Error)
	}
	if r := h.Serve(&seraitest.Call{Stream: broken("abc", gone)}); r.Error == nil || r.Error.Code != abi.Cancelled {
		t.Errorf("%q, %v", r.Body, r.Error)
	}
}

// closing tells whether it was closed.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error {
	c.closed++
	return nil
}

func TestStreamedReplies(t *testing.T) {
	h := seraitest.New(t)
	long := strings.Repeat("0123456789", 10_000)
	for name, c := range map[string]struct {
		response    serai.Response
		want, fault string
		status      int
	}{
		"reader":         {serai.Response{Stream: iotest.OneByteReader(strings.NewReader("abc"))}, "abc", "", 200},
		"in memory":      {serai.Response{Stream: strings.NewReader("abc"), Status: 201, Body: []byte("> ")}, "> abc", "", 201},
		"bytes":          {serai.Response{Stream: bytes.NewReader([]byte("abc"))}, "abc", "", 200},
		"buffer":         {serai.Response{Stream: bytes.NewBufferString("abc")}, "abc", "", 200},
		"body first":     {serai.Response{Stream: iotest.OneByteReader(strings.NewReader("abc")), Body: []byte("> ")}, "> abc", "", 200},
		"nothing":        {serai.Response{Stream: iotest.OneByteReader(strings.NewReader("")), Body: []byte("> "), Status: 202}, "> ", "", 202},
		"fails at once":  {serai.Response{Stream: iotest.ErrReader(errAuthor), Status: 201}, "", "reading the reply's body: a fault of the author", 500},
		"fails later":    {serai.Response{Stream: broken("abc", errAuthor), Status: 201}, "abc", "reading the reply's body: a fault of the author", 201},
		"written":        {serai.Response{Stream: serai.Written(func(w *bufio.Writer) error { _, err := w.WriteString(long); return err })}, long, "", 200},
		"written, fails": {serai.Response{Stream: serai.Written(func(w *bufio.Writer) error { _, _ = w.WriteString("lost"); return errAuthor })}, "", "reading the reply's body: a fault of the author", 500},
		"flushed, fails": {serai.Response{Stream: serai.Written(func(w *bufio.Writer) error {
			_, _ = w.WriteString("sent")
			return errors.Join(w.Flush(), errAuthor)
		})}, "sent", "reading the reply's body: a fault of the author", 200},
		"panics":          {serai.Response{Stream: serai.Written(func(w *bufio.Writer) error { _, _ = w.WriteString("sent"); _ = w.Flush(); panic("oh") })}, "sent", "oh", 200},
		"wrapped":         {serai.Response{Stream: io.MultiReader(serai.Written(func(w *bufio.Writer) error { _, err := w.WriteString(long); return err }), strings.NewReader("!"))}, long + "!", "", 200},
		"wrapped, panics": {serai.Response{Stream: iotest.HalfReader(serai.Written(func(w *bufio.Writer) error { panic("oh") }))}, "", "reading the reply's body: panic: oh", 500},
	} {
		body := &closing{Reader: c.response.Stream}
		response := c.response
		if _, written := c.response.Stream.(io.WriterTo); !written {
			response.Stream = body
		}
		serai.Handle(func(*serai.Request) (*serai.Response, error) { return &response, nil })
		r := h.Serve(&seraitest.Call{})
		fault := ""
		if r.Error != nil {
			fault = r.Error.Message
		}
		if string(r.Body) != c.want || fault != c.fault || r.Status != c.status {
			t.Errorf("%s: %d %.200q, %q", name, r.Status, r.Body, fault)
		}
		if response.Stream == body && body.closed != 1 {
			t.Errorf("%s: closed %d times", name, body.closed)
		}
	}
	serai.HandleStream(func(r *serai.Request) (*serai.Response, error) {
		return &serai.Response{Body: []byte("> "), Stream: r.Stream()}, nil
	})
	if r := h.Serve(&seraitest.Call{Stream: iotest.OneByteReader(strings.NewReader("abc"))}); r.Error != nil || string(r.Body) != "> abc" {
		t.Errorf("passed on: %q, %v", r.Body, r.Error)
	}
	if r := h.Serve(&seraitest.Call{Stream: broken("abc", serai.Errorf(abi.Timeout, "late"))}); r.Error == nil || r.Error.Code != abi.Timeout || string(r.Body) != "> abc" {
		t.Errorf("passed on though it breaks: %q, %v", r.Body, r.Error)
	}
}

// recorder is a host that notes what the SDK asks it.
type recorder struct {
	*seraitest.Host
	asked []string
}

func (r *recorder) Call(e abi.Envelope, body io.Reader) (abi.Envelope, io.ReadCloser, abi.Code) {
	var fields []string
	for _, f := range e {
		if strings.HasPrefix(f.Name, "stream-") {
			fields = append(fields, f.Name+"="+f.Value)
		}
	}
	r.asked = append(r.asked, strings.Join(fields, " "))
	return r.Host.Call(e, body)
}

func TestStreamedOperations(t *testing.T) {
	h := &recorder{Host: seraitest.New(t)}
	t.Cleanup(serai.Attach(h))
	var took string // what the system says of the request
	reply := &closing{}
	h.HTTP["Store"] = func(r *serai.HTTPRequest) (*serai.Reply, error) {
		took = string(r.Body)
		if r.Path == "/refuse" {
			return &serai.Reply{Status: 403}, nil
		}
		if r.Stream != nil {
			body, err := io.ReadAll(r.Stream)
			if took = fmt.Sprintf("stream %s of %d, %v", body, r.Length, err); err != nil {
				return nil, err
			}
		}
		*reply = closing{Reader: strings.NewReader("a reply")}
		if r.Path == "/dies" {
			reply.Reader = broken("a re", serai.Errorf(abi.Unavailable, "reset"))
		}
		return &serai.Reply{Status: 201, Stream: reply}, nil
	}
	store := serai.HTTP("Store")
	put := func(path string, body io.Reader) *serai.HTTPRequest {
		return &serai.HTTPRequest{Method: "PUT", Path: path, Stream: body}
	}
	slow := func(text string) io.Reader { return iotest.OneByteReader(strings.NewReader(text)) }
	for name, c := range map[string]struct {
		do                func(r *serai.Request) (string, error)
		want, took, asked string // of the service, of the system, of the host
		code              abi.Code
	}{
		"reader": {func(*serai.Request) (string, error) {
			r, err := store.Do(put("/", slow("abc")))
			return fmt.Sprint(r.Status, " ", string(r.Body), " ", r.Stream), err
		}, "201 a reply <nil>", "stream abc of 0, <nil>", "stream-body=write", 0},
		"body first": {func(*serai.Request) (string, error) {
			r, err := store.Do(&serai.HTTPRequest{Body: []byte("> "), Stream: slow("abc"), Length: 5})
			return string(r.Body), err
		}, "a reply", "stream > abc of 5, <nil>", "stream-length=5 stream-body=write", 0},
		"in memory": {func(*serai.Request) (string, error) {
			r, err := store.Do(put("/", strings.NewReader("abc")))
			return string(r.Body), err
		}, "a reply", "abc", "", 0},
		"fails": {func(*serai.Request) (string, error) {
			_, err := store.Do(put("/", broken("abc", errAuthor)))
			return fmt.Sprint(err, " ", errors.Is(err, errAuthor)), nil
		}, "reading the body of http.request: a fault of the author true", "stream abc of 0, the service gave the body up", "stream-body=write", 0},
		"refused early": {func(*serai.Request) (string, error) {
			r, err := store.Do(put("/refuse", slow(strings.Repeat("x", 100_000))))
			return fmt.Sprint(r.Status), err
		}, "403", "", "stream-body=write", 0},
		"no grant": {func(*serai.Request) (string, error) {
			_, err := serai.HTTP("Other").Do(put("/", slow("abc")))
			return "", err
		}, "", "", "stream-body=write", abi.Denied},
		"reply": {func(*serai.Request) (string, error) {
			r, err := store.DoStream(&serai.HTTPRequest{})
			if err != nil {
				return "", err
			}
			body, err := io.ReadAll(iotest.OneByteReader(r.Stream))
			return fmt.Sprintf("%d %s %v %d", r.Status, body, r.Body, reply.closed), err
		}, "201 a reply [] 1", "", "stream-reply=1", 0},
		"reply in JSON": {func(*serai.Request) (string, error) {
			r, err := store.DoStream(&serai.HTTPRequest{})
			if err != nil {
				return "", err
			}
			return "", r.JSON(new(int))
		}, "", "", "stream-reply=1", abi.Remote},
		"reply closed": {func(*serai.Request) (string, error) {
			r, err := store.DoStream(&serai.HTTPRequest{})
			if err != nil {
				return "", err
			}
			_, err = r.Stream.Read(make([]byte, 3))
			first, second := r.Stream.Close(), r.Stream.Close()
			_, closed := r.Stream.Read(make([]byte, 3))
			_, passed := store.Do(put("/", r.Stream))
			return fmt.Sprint(first, second, reply.closed, " ", closed, " ", serai.CodeOf(passed)), err
		}, "<nil> <nil> 1 http.request: the body is closed failed", "", "stream-reply=1", 0},
		"reply left open": {func(*serai.Request) (string, error) {
			_, err := store.DoStream(&serai.HTTPRequest{})
			return "", err
		}, "", "", "stream-reply=1", 0},
		"reply that breaks": {func(*serai.Request) (string, error) {
			r, err := store.DoStream(&serai.HTTPRequest{Path: "/dies"})
			if err != nil {
				return "", err
			}
			body, err := io.ReadAll(r.Stream)
			return fmt.Sprint(string(body), " ", err, " ", serai.CodeOf(err)), nil
		}, "a re http.request: the body broke off: unavailable unavailable", "", "stream-reply=1", 0},
		"collected, breaks": {func(*serai.Request) (string, error) {
			_, err := store.Do(&serai.HTTPRequest{Path: "/dies"})
			return "", err
		}, "", "", "", abi.Unavailable},
		"request passed on": {func(r *serai.Request) (string, error) {
			_, _ = r.Stream().Read(make([]byte, 3))
			reply, err := store.Do(put("/", r.Stream()))
			_, after := r.Stream().Read(make([]byte, 1))
			return fmt.Sprint(string(reply.Body), " ", after), err
		}, "a reply the body is closed", "stream y request of 0, <nil>", "stream-body=0", 0},
		"request that was read": {func(r *serai.Request) (string, error) {
			_, _ = io.Copy(io.Discard, r.Stream())
			reply, err := store.Do(put("/", r.Stream()))
			return string(reply.Body), err
		}, "a reply", "", "", 0},
		"request that breaks": {func(r *serai.Request) (string, error) {
			body := io.MultiReader(r.Stream(), iotest.ErrReader(serai.Errorf(abi.Timeout, "late")))
			_, err := store.Do(put("/", body))
			return "", err
		}, "", "stream my request of 0, the service gave the body up", "stream-body=write", abi.Timeout},
		"a reply passed on": {func(*serai.Request) (string, error) {
			r, err := store.DoStream(&serai.HTTPRequest{})
			if err != nil {
				return "", err
			}
			second, err := store.DoStream(put("/", r.Stream))
			if err != nil {
				return "", err
			}
			body, err := io.ReadAll(second.Stream)
			return string(body), err
		}, "a reply", "stream a reply of 0, <nil>", "stream-reply=1; stream-reply=1 stream-body=1", 0},
	} {
		took, h.asked = "", nil
		serai.HandleStream(func(r *serai.Request) (*serai.Response, error) {
			text, err := c.do(r)
			return serai.Text(text), err
		})
		r := h.Serve(&seraitest.Call{Stream: slow("my request")})
		got, code := []string{string(r.Body), took, strings.Join(h.asked, "; ")}, abi.OK
		if r.Error != nil {
			code = r.Error.Code
		}
		if diff := cmp.Diff([]string{c.want, c.took, c.asked}, got); diff != "" || code != c.code {
			t.Errorf("%s: %s, %v", name, diff, r.Error)
		}
		if strings.HasPrefix(name, "reply") && reply.closed != 1 {
			t.Errorf("%s: closed %d times", name, reply.closed)
		}
	}
}

// TestStreamOfAnEarlierCall reads one that an instance has kept.
func TestStreamOfAnEarlierCall(t *testing.T) {
	h := seraitest.New(t)
	var kept io.Reader
	serai.HandleStream(func(r *serai.Request) (*serai.Response, error) {
		if kept == nil {
			kept = r.Stream()
			return nil, nil
		}
		return nil, errors.Join(kept.(io.Closer).Close(), func() error { _, err := kept.Read(make([]byte, 1)); return err }())
	})
	h.Serve(&seraitest.Call{Body: "first"})
	if r := h.Serve(&seraitest.Call{Body: "second"}); r.Error == nil || r.Error.Code != abi.Failed || !strings.Contains(r.Error.Message, "a call which has ended") {
		t.Errorf("%q, %v", r.Body, r.Error)
	}
}
