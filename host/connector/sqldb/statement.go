package sqldb

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/jsonraw"
)

// Bounds of a statement.
const (
	maxStatement  = 1 << 20
	maxParameters = 30_000
)

// parsed is a statement as it goes to the database.
type parsed struct {
	text  string
	form  shape
	names []string // of its parameters in the order of the arguments
	plan  atomic.Pointer[plan]
}

// bind returns the statement as the engine takes it, with its arguments in
// order. Parameters are an object for the names in ":name", or a list for the
// engine's own placeholders ("$1" or "?").
func (d *Database) bind(statement string, raw json.RawMessage) (out bound, err error) {
	if len(statement) > maxStatement {
		return out, host.FieldErrorf("statement", "the statement has %d bytes, at most %d", len(statement), maxStatement)
	}
	out.parsed = d.texts.of(statement, len(raw) > 0 && raw[0] == '{', d.parse)
	if len(raw) == 0 || string(raw) == "null" {
		return out, nil
	}
	switch raw[0] {
	case '[':
		list, ok := jsonraw.Elements(raw, maxParameters)
		if !ok {
			return out, host.FieldErrorf("parameters", "parameters are a list of at most %d values", maxParameters)
		}
		out.args = make([]any, len(list))
		for i := range list {
			if out.args[i], err = d.argument(list[i], place{base: "parameters", index: i}); err != nil {
				return out, err
			}
		}
	case '{':
		named, ok := jsonraw.Members(raw, maxParameters)
		if !ok {
			return out, host.FieldErrorf("parameters", "parameters are an object of at most %d values, or a list", maxParameters)
		}
		out.args = make([]any, len(out.names))
		for i, name := range out.names {
			value, ok := named.Get(name)
			if !ok {
				return out, host.FieldErrorf("parameters", "the statement has :%s, and there is no parameter of that name", host.Clip(name))
			}
			if out.args[i], err = d.argument(value, place{base: "parameters", name: name}); err != nil {
				return out, err
			}
		}
	default:
		return out, host.FieldErrorf("parameters", "parameters are an object of at most %d values, or a list", maxParameters)
	}
	return out, nil
}

// parse reads a statement. Where it is named, ":name" stands for a parameter.
func (d *Database) parse(statement string, named bool) *parsed {
	if !named {
		return &parsed{text: statement, form: d.shapeOf(statement)}
	}
	var text strings.Builder
	var names []string
	numbers := make(map[string]int) // of names that were seen, for engines that can say a value twice
	for at := 0; at < len(statement); {
		end, name := d.token(statement, at)
		n, again := numbers[name]
		switch {
		case name == "":
			text.WriteString(statement[at:end])
		case again && (d.engine == postgresql || d.engine == mssqlName):
			text.WriteString(d.placeholder(n))
		default:
			names = append(names, name)
			numbers[name] = len(names)
			text.WriteString(d.placeholder(len(names)))
		}
		at = end
	}
	return &parsed{text: text.String(), form: d.shapeOf(text.String()), names: names}
}

// Bounds of the statements that are remembered.
const (
	maxTexts     = 1000
	maxTextBytes = 4 << 20
)

// texts are the statements of late, so that each is read once.
type texts struct {
	mu    sync.RWMutex
	all   map[text]*parsed
	bytes int
}

type text struct {
	statement string
	named     bool
}

func (t *texts) of(statement string, named bool, parse func(string, bool) *parsed) *parsed {
	key := text{statement, named}
	t.mu.RLock()
	p := t.all[key]
	t.mu.RUnlock()
	if p != nil {
		return p
	}
	p = parse(statement, named)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes += len(statement); t.all == nil || len(t.all) >= maxTexts || t.bytes > maxTextBytes {
		t.all, t.bytes = make(map[text]*parsed), len(statement) // those that are in use come back
	}
	t.all[key] = p
	return p
}

// placeholder stands for the n-th argument. Those of Oracle are names, each of
// which is used once.
func (d *Database) placeholder(n int) string {
	switch d.engine {
	case postgresql:
		return "$" + strconv.Itoa(n)
	case mssqlName:
		return "@p" + strconv.Itoa(n)
	case oracleName:
		return ":" + strconv.Itoa(n)
	}
	return "?"
}

// token returns where the token at a position ends, and its name if it is a
// parameter. Quotes and comments are tokens, so that a colon in them is text.
func (d *Database) token(s string, at int) (end int, name string) {
	rest := s[at:]
	switch c := s[at]; {
	case c == '\'' || c == '"' || c == '`':
		return at + d.quoted(rest, c), ""
	case c == '[' && d.engine == mssqlName:
		return at + d.quoted(rest, ']'), ""
	case (c == 'q' || c == 'Q') && d.engine == oracleName && len(rest) > 2 && rest[1] == '\'':
		return at + oracleQuoted(rest), ""
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
