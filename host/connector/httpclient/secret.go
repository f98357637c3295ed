package httpclient

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// template is text with references to secrets: parts alternate between
// literal text and the name of a secret, and begin with text.
type template struct{ parts []string }

var reference = regexp.MustCompile(`\$\{secret:([^{}]*)\}`)

// parseTemplate splits text at its references. A "${" that is none of them
// is a mistake, not text.
func parseTemplate(field, text string) (template, error) {
	var t template
	at := 0
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		if err := host.CheckName(field, name); err != nil {
			return t, host.FieldErrorf(field, "%s refers to a secret without a proper name: use ${secret:NAME}", field)
		}
		t.parts = append(t.parts, text[at:m[0]], name)
		at = m[1]
	}
	t.parts = append(t.parts, text[at:])
	for i := 0; i < len(t.parts); i += 2 {
		if strings.Contains(t.parts[i], "${") {
			return t, host.FieldErrorf(field, `%s has a "${" that is not part of ${secret:NAME}`, field)
		}
	}
	return t, nil
}

// parseCredential is parseTemplate for what must not be written in clear.
func parseCredential(field, text string) (template, error) {
	if text == "" {
		return template{}, host.FieldErrorf(field, "%s is missing: use a reference such as ${secret:NAME}", field)
	}
	t, err := parseTemplate(field, text)
	if err == nil && !t.secret() {
		err = host.FieldErrorf(field, "%s is in clear: store it as a secret and write ${secret:NAME} here", field)
	}
	return t, err
}

func (t template) secret() bool { return len(t.parts) > 1 }

// fill replaces the references.
func (t template) fill(ctx context.Context, tenant string, source Source) (string, error) {
	if !t.secret() {
		return t.parts[0], nil
	}
	var b strings.Builder
	for i, part := range t.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		value, err := source.Secret(ctx, tenant, part)
		if host.CodeOf(err) == abi.NotFound {
			return "", host.Errorf(abi.NotFound, "the connection needs the secret %q, which is not set", part)
		}
		if err != nil {
			return "", fmt.Errorf("reading secret %q: %w", part, err)
		}
		b.Write(value)
	}
	return b.String(), nil
}
