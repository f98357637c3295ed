package sqldb

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/seraihost/serai/host"
)

// Bounds of a statement.
const (
	maxStatement  = 1 << 20
	maxParameters = 30_000
)

// bind returns the statement as the engine takes it, with its arguments in
// order. Parameters are an object for the names in ":name", or a list for the
// engine's own placeholders ("$1" or "?").
func (d *Database) bind(statement string, raw json.RawMessage) (string, []any, error) {
	if len(statement) > maxStatement {
		return "", nil, host.FieldErrorf("statement", "the statement has %d bytes, at most %d", len(statement), maxStatement)
	}
	if len(raw) == 0 || string(raw) == "null" {
		return statement, nil, nil
	}
	if raw[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil || len(list) > maxParameters {
			return "", nil, host.FieldErrorf("parameters", "parameters are a list of at most %d values", maxParameters)
		}
		args := make([]any, len(list))
		for i := range list {
			var err error
			if args[i], err = d.argument(list[i], "parameters["+strconv.Itoa(i)+"]"); err != nil {
				return "", nil, err
			}
		}
		return statement, args, nil
	}
	var named map[string]json.RawMessage
	if err := json.Unmarshal(raw, &named); err != nil || len(named) > maxParameters {
		return "", nil, host.FieldErrorf("parameters", "parameters are an object of at most %d values, or a list", maxParameters)
	}
	return d.bindNamed(statement, named)
}

func (d *Database) bindNamed(statement string, named map[string]json.RawMessage) (string, []any, error) {
	var out strings.Builder
	var args []any
	numbers := make(map[string]int) // of names that were seen, for engines that can say a value twice
	for at := 0; at < len(statement); {
		end, name := d.token(statement, at)
		if name == "" {
			out.WriteString(statement[at:end])
			at = end
			continue
		}
		at = end
		raw, ok := named[name]
		if !ok {
			return "", nil, host.FieldErrorf("parameters", "the statement has :%s, and there is no parameter of that name", host.Clip(name))
		}
		if n := numbers[name]; n > 0 && d.engine == postgresql {
			out.WriteString("$" + strconv.Itoa(n))
			continue
		}
		value, err := d.argument(raw, "parameters."+host.Clip(name))
		if err != nil {
			return "", nil, err
		}
		args = append(args, value)
		numbers[name] = len(args)
		if d.engine == postgresql {
			out.WriteString("$" + strconv.Itoa(len(args)))
		} else {
			out.WriteByte('?')
		}
	}
	return out.String(), args, nil
}

// token returns where the token at a position ends, and its name if it is a
// parameter. Quotes and comments are tokens, so that a colon in them is text.
func (d *Database) token(s string, at int) (end int, name string) {
	rest := s[at:]
	switch c := s[at]; {
	case c == '\'' || c == '"' || c == '`':
		return at + d.quoted(rest, c), ""
	case c == '[' && d.engine == sqliteName:
		if i := strings.IndexByte(rest, ']'); i > 0 {
			return at + i + 1, ""
		}
	case strings.HasPrefix(rest, "--"), c == '#' && d.engine == mysqlName:
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			return at + i, ""
		}
		return len(s), ""
	case strings.HasPrefix(rest, "/*"):
		return at + d.comment(rest), ""
	case c == '$' && d.engine == postgresql:
		if n := dollar(rest); n > 0 {
			return at + n, ""
		}
	case strings.HasPrefix(rest, "::"):
		return at + 2, "" // a cast
	case c == ':' && len(rest) > 1 && letter(rest[1]):
		n := 1
		for n < len(rest) && (letter(rest[n]) || '0' <= rest[n] && rest[n] <= '9') {
			n++
		}
		return at + n, rest[1:n]
	case letter(c): // so that the end of a:b is no parameter
		n := 1
		for n < len(rest) && (letter(rest[n]) || '0' <= rest[n] && rest[n] <= '9') {
			n++
		}
		return at + n, ""
	}
	return at + 1, ""
}

// quoted returns the length of a quoted token; a doubled quote is part of it.
func (d *Database) quoted(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && d.engine == mysqlName && quote != '`':
			i++
		case s[i] == quote:
			if i+1 < len(s) && s[i+1] == quote {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(s)
}

// comment returns the length of a comment; those of PostgreSQL nest.
func (d *Database) comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '/' && s[i+1] == '*' && (depth == 0 || d.engine == postgresql):
			depth++
			i++
		case s[i] == '*' && s[i+1] == '/':
			if depth--; depth == 0 {
				return i + 2
			}
			i++
		}
	}
	return len(s)
}

// dollar returns the length of a dollar-quoted string, 0 if there is none.
func dollar(s string) int {
	i := 1
	for i < len(s) && (letter(s[i]) || i > 1 && '0' <= s[i] && s[i] <= '9') {
		i++
	}
	if i >= len(s) || s[i] != '$' {
		return 0
	}
	tag := s[:i+1]
	if end := strings.Index(s[i+1:], tag); end >= 0 {
		return i + 1 + end + len(tag)
	}
	return len(s)
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}
