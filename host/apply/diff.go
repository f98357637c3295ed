package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

// differences returns the values that differ, by the keys of a document.
func differences(before, after any) []config.Field {
	a, b := flatten(before), flatten(after)
	names := maps.Clone(a)
	maps.Copy(names, b)
	var out []config.Field
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a[name] != b[name] {
			out = append(out, config.Field{Name: name, Before: host.Clip(a[name]), After: host.Clip(b[name])})
		}
	}
	return out
}

// flatten returns the values of an object by their paths in it.
func flatten(v any) map[string]string {
	out := map[string]string{}
	raw, err := json.Marshal(v)
	var decoded any
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		err = d.Decode(&decoded)
	}
	if err != nil {
		panic(fmt.Sprintf("apply: a value of the document is not JSON: %v", err)) // what is compared was decoded before
	}
	leaves("", decoded, out)
	return out
}

func leaves(path string, v any, out map[string]string) {
	switch x := v.(type) {
	case map[string]any:
		for key, value := range x {
			at := key
			if path != "" {
				at = config.Path(path, key)
			}
			leaves(at, value, out)
		}
	case string:
		out[path] = x
	default:
		text, _ := json.Marshal(x) //nolint:errchkjson // it was decoded
		out[path] = string(text)
	}
}
