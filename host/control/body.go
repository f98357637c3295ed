package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// drained is the most of an unread body that is thrown away so that the
// client can read the answer; a longer one costs it the connection.
const drained = 64 << 20

// body returns the request's body as a stream that ends with it.
func body(c *fiber.Ctx) io.Reader {
	if r := c.Context().RequestBodyStream(); r != nil {
		return r
	}
	return bytes.NewReader(c.Request().Body())
}

// readBody returns the body, at most limit bytes; field names it in errors.
func readBody(c *fiber.Ctx, field string, limit int64) ([]byte, error) {
	if n := c.Request().Header.ContentLength(); int64(n) > limit {
		return nil, errTooLarge(field, limit)
	}
	return readAll(body(c), field, limit)
}

func readAll(r io.Reader, field string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		e := host.FieldErrorf(field, "%s ended early; send it again", field)
		e.Err = err
		return nil, e
	}
	if int64(len(b)) > limit {
		return nil, errTooLarge(field, limit)
	}
	return b, nil
}

func errTooLarge(field string, limit int64) error {
	e := host.Errorf(abi.TooLarge, "%s is over the limit of %s", field, host.Bytes(limit))
	e.Field = field
	return e
}

// drain reads what a handler left of the body. What is more than that would
// be taken for the next request, so then the connection ends.
func drain(c *fiber.Ctx) {
	r := c.Context().RequestBodyStream()
	if r == nil {
		return
	}
	if _, authenticated := c.Locals(keyPrincipal).(principal); authenticated {
		if n, err := io.Copy(io.Discard, io.LimitReader(r, drained)); err == nil && n < drained {
			return
		}
	}
	c.Context().SetConnectionClose()
}

// readJSON decodes the body strictly into v, which may hold defaults.
func readJSON(c *fiber.Ctx, v any) error {
	b, err := readBody(c, "body", maxJSON)
	if err != nil {
		return err
	}
	return decode(b, v)
}

// decode reads one JSON value strictly. Errors name the field at fault.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return jsonError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return host.FieldErrorf("body", "there is more after the JSON value; send one value")
	}
	return nil
}

// jsonError says in which field of the input the fault is, and what to do.
func jsonError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return host.FieldErrorf("body", "the JSON is empty; send an object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return host.FieldErrorf("body", "the JSON ends early")
	case errors.As(err, &syntax):
		return host.FieldErrorf("body", "the JSON is malformed at byte %d: %s", syntax.Offset, syntax.Error())
	case errors.As(err, &kind):
		field := kind.Field
		if field == "" {
			field = "body"
		}
		return host.FieldErrorf(field, "%s is a JSON %s where %s is needed", field, kind.Value, plainType(kind))
	}
	const unknown = `json: unknown field "`
	if name, ok := strings.CutPrefix(err.Error(), unknown); ok {
		name = strings.TrimSuffix(name, `"`)
		return host.FieldErrorf(host.Clip(name), "field %q is unknown; see /openapi.json", host.Clip(name))
	}
	// What the units and other text types say about their value.
	return host.FieldErrorf("body", "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// plainType names a Go type in the words of JSON.
func plainType(e *json.UnmarshalTypeError) string {
	switch k := e.Type.Kind().String(); {
	case strings.HasPrefix(k, "int"), strings.HasPrefix(k, "uint"), strings.HasPrefix(k, "float"):
		return "a number"
	case k == "bool":
		return "true or false"
	case k == "slice", k == "array":
		return "a list"
	case k == "struct", k == "map":
		return "an object"
	default:
		return "a " + k
	}
}

// queryInt reads a query parameter as a number from 1 to most; absent is def.
func queryInt(c *fiber.Ctx, name string, def, most int) (int, error) {
	text := c.Query(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, host.FieldErrorf(name, "%s %q: use a whole number from 1 to %d", name, host.Clip(text), most)
	}
	return n, nil
}
