package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// parseEnv reads lines NAME=VALUE. Blank lines and those that begin with "#"
// are left out; a value may stand in quotes. The error begins with the line.
func parseEnv(text string) (map[string]string, error) {
	out := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t'\"") {
			return nil, fmt.Errorf("%d: use NAME=VALUE", n)
		}
		value, err := unquote(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("%d: %s: %w", n, name, err)
		}
		out[name] = value
	}
	return out, nil
}

// unquote reads a value like a shell does: '…' as it is, "…" with
// backslashes, and parts of it one after the other.
func unquote(s string) (string, error) {
	if !strings.HasPrefix(s, "'") && !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	var b strings.Builder
	for s != "" {
		switch quote := s[0]; quote {
		case '\'':
			inner, rest, closed := strings.Cut(s[1:], "'")
			if !closed {
				return "", fmt.Errorf("the quote %q does not end", quote)
			}
			b.WriteString(inner)
			s = rest
		case '"':
			end := 1
			for ; end < len(s) && s[end] != '"'; end++ {
				if s[end] == '\\' && end+1 < len(s) {
					end++
				}
				b.WriteByte(s[end])
			}
			if end >= len(s) {
				return "", fmt.Errorf("the quote %q does not end", quote)
			}
			s = s[end+1:]
		case '\\':
			if len(s) == 1 {
				return "", fmt.Errorf("a backslash at the end")
			}
			b.WriteByte(s[1])
			s = s[2:]
		default:
			b.WriteByte(quote)
			s = s[1:]
		}
	}
	return b.String(), nil
}

// formatEnv writes values so that parseEnv and a shell read them.
func formatEnv(values map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "%s='%s'\n", name, strings.ReplaceAll(values[name], "'", `'\''`))
	}
	return b.String()
}
