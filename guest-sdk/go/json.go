package serai

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// HandleJSON registers a handler for bodies in JSON: in is the request's
// body, decoded, and what the handler returns is the reply's. A body that
// does not decode is answered with the status 400.
func HandleJSON[In, Out any](h func(req *Request, in In) (Out, error)) {
	var in In
	var out Out
	Warm(in, out)
	Handle(func(req *Request) (*Response, error) {
		var in In
		if err := req.JSON(&in); err != nil {
			return Text(err.Error() + "\n").With(400), nil
		}
		out, err := h(req, in)
		if err != nil {
			return nil, err
		}
		return JSON(out)
	})
}

// Warm names values of the types that a service exchanges as JSON, in an init
// function. They are encoded and decoded once at deploy, so that what
// encoding/json learns about their types is part of the image. Otherwise
// every call starts without it and learns it again, for some ten
// microseconds a type.
func Warm(values ...any) { examples = append(examples, values...) }

var examples []any

// warmUp does once what the first call of a process does more slowly than the
// next ones, since every call is a first one. It follows the garbage
// collection, which empties the caches that this fills.
func warmUp() {
	for size := 8; size <= maxWarm; size += 8 {
		bytesSink = make([]byte, size)
		pointersSink = make([]*byte, size/8)
	}
	bytesSink, pointersSink = nil, nil
	_ = fmt.Sprintf("%s %d %v", "a", 1, 1.5)
	for _, v := range examples {
		raw, err := json.Marshal(v)
		if err != nil || v == nil {
			continue // the handler will see the error, if it matters
		}
		_ = json.Unmarshal(raw, reflect.New(reflect.TypeOf(v)).Interface())
	}
	examples = nil
}

// maxWarm is up to which size objects find a free place without looking for
// one; each size takes a few KiB of the image.
const maxWarm = 1024

// Sinks make what is assigned to them escape to the heap.
var (
	bytesSink    []byte  //nolint:unused // see above
	pointersSink []*byte //nolint:unused // see above
)
