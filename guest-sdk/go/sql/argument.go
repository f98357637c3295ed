package sql //nolint:revive // the file beside it, which is generated, describes it

import (
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/seraihost/serai/guest-sdk/go/internal/form"
)

// Decimal is an exact number as text, such as "12.50", for parameters whose
// type the database does not know by their place. Scan reads decimals into it as into a string.
type Decimal string

// UUID is one as text, such as "6ba7b810-9dad-11d1-80b4-00c04fd430c8", for
// parameters whose type the database does not know by their place.
type UUID string

var errMixed = errors.New("parameters are all named, with sql.Named, or none is")

// check replaces a parameter by what [appendValue] takes.
func check(v *driver.NamedValue) error {
	switch v.Value.(type) {
	case json.RawMessage, Decimal, UUID:
		return nil
	case driver.Valuer: // it says itself what it is, a slice too
	default:
		if t := reflect.TypeOf(v.Value); t != nil && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
			return nil
		}
	}
	var err error
	v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	return err
}

// appendRequest appends the body of sql.execute.
func appendRequest(out []byte, statement string, args []driver.NamedValue) ([]byte, error) {
	if out == nil {
		out = make([]byte, 0, 64+len(statement)+24*len(args))
	}
	out = form.AppendText(append(out, `{"statement":`...), statement)
	if len(args) == 0 {
		return append(out, '}'), nil
	}
	named := args[0].Name != ""
	brackets := "[]"
	if named {
		brackets = "{}"
	}
	out = append(append(out, `,"parameters":`...), brackets[0])
	for i, a := range args {
		if named != (a.Name != "") {
			return nil, errMixed
		}
		if i > 0 {
			out = append(out, ',')
		}
		if named {
			out = append(form.AppendText(out, a.Name), ':')
		}
		var err error
		if out, err = appendValue(out, a.Value, 0); err != nil {
			return nil, err
		}
	}
	return append(out, brackets[1], '}'), nil
}

// maxDepth bounds lists in lists, which may hold themselves.
const maxDepth = 16

// appendValue appends a parameter as JSON. What JSON has no form for is an
// object with its type.
func appendValue(out []byte, v any, depth int) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return append(out, "null"...), nil
	case int64:
		return strconv.AppendInt(out, x, 10), nil
	case string:
		return form.AppendText(out, x), nil
	case bool:
		return strconv.AppendBool(out, x), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return tagged(out, "decimal", strconv.FormatFloat(x, 'g', -1, 64)), nil
		}
		return strconv.AppendFloat(out, x, 'g', -1, 64), nil
	case time.Time:
		return tagged(out, "datetime", x.Format(time.RFC3339Nano)), nil
	case []byte:
		if x == nil {
			return append(out, "null"...), nil
		}
		return tagged(out, "bytes", base64.StdEncoding.EncodeToString(x)), nil
	case Decimal:
		return tagged(out, "decimal", string(x)), nil
	case UUID:
		return tagged(out, "uuid", string(x)), nil
	case json.RawMessage:
		if !json.Valid(x) {
			return nil, errors.New("a parameter of JSON is not valid")
		}
		return append(append(append(out, `{"type":"json","value":`...), x...), '}'), nil
	}
	return appendList(out, reflect.ValueOf(v), depth)
}

func tagged(out []byte, kind, text string) []byte {
	out = append(append(append(out, `{"type":"`...), kind...), `","value":`...)
	return append(form.AppendText(out, text), '}')
}

func appendList(out []byte, list reflect.Value, depth int) ([]byte, error) {
	if list.Kind() != reflect.Slice {
		return nil, fmt.Errorf("a parameter cannot be of the type %s", list.Type())
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("a list of parameters is more than %d deep", maxDepth)
	}
	out = append(out, `{"type":"list","value":[`...)
	for i := range list.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		one := driver.NamedValue{Value: list.Index(i).Interface()}
		err := check(&one)
		if err == nil {
			out, err = appendValue(out, one.Value, depth+1)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(out, "]}"...), nil
}
