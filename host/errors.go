package host

import "strings"

// FieldErrors are errors about several values of one input, in the order in
// which to show them. As an error it counts as the first one.
type FieldErrors []*Error

// Error returns a line for each error.
func (f FieldErrors) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors.
func (f FieldErrors) Unwrap() []error {
	out := make([]error, len(f))
	for i, e := range f {
		out[i] = e
	}
	return out
}
