package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is one key of a mapping and where its value goes.
type field struct {
	name  string
	value reflect.Value
}

// fieldsOf returns the fields of a struct by their JSON names; those of an
// embedded struct count as its own. Fields without a name are not of the document.
func fieldsOf(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, fieldsOf(v.Field(i))...)
		case name != "" && name != "-":
			out = append(out, field{name, v.Field(i)})
		}
	}
	return out
}

// names lists the keys that may be meant, the most alike alone if there is one.
func names(fields []field, typed string) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	slices.Sort(all)
	for _, name := range all {
		if strings.EqualFold(strings.ReplaceAll(typed, "-", "_"), name) || near(typed, name) {
			return name
		}
	}
	return strings.Join(all, ", ")
}

// near reports whether the words differ by one letter that is missing, added
// or another one, or by two that are swapped.
func near(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
