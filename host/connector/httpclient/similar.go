package httpclient

import (
	"context"
	"strings"
	"unicode"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// similar returns the granted connection that name means: the one of that
// very name, or else the only one whose name has the same letters and digits,
// whatever their case and what is between them. So an attribute of a
// programming language names any connection.
func similar(ctx context.Context, scope connector.Scope, d connector.Directory[*Client], name string) (string, error) {
	if scope.CheckConnection(name) == nil {
		if err := d.Use(ctx, name, func(*Client) error { return nil }); host.CodeOf(err) != abi.NotFound {
			return name, nil // with its error, if there is one
		}
	}
	names, err := d.Granted(ctx)
	if err != nil {
		return "", err
	}
	found, want := "", letters(name)
	for _, n := range names {
		switch {
		case letters(n) != want:
		case found == "":
			found = n
		default:
			return "", host.FieldErrorf(abi.FieldConnection, "connection %q may be %q or %q: use the full name, such as self.rest[%q]",
				host.Clip(name), host.Clip(found), host.Clip(n), host.Clip(found))
		}
	}
	if found == "" {
		found = name
	}
	return found, scope.CheckConnection(found)
}

// letters returns the letters and digits of a name, in lower case.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
