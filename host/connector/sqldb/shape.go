package sqldb

import (
	"strings"

	"github.com/seraihost/serai/host"
)

// shape is what there is to know of a statement before it is executed.
type shape struct {
	first    string // its first word, in capitals
	second   string
	verb     string // what a WITH leads to, otherwise the first word
	rows     bool   // it may have rows
	several  bool   // another statement follows
	hidden   string // the first word of a later statement that ends or begins a transaction
	temporal bool   // it makes something that lasts as long as the session
}

// silent are the verbs of statements that have no rows, unless they say
// RETURNING or OUTPUT; of others it turns out.
var silent = map[string]bool{
	"INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "REPLACE": true,
	"CREATE": true, "ALTER": true, "DROP": true, "TRUNCATE": true, "GRANT": true, "REVOKE": true, "COMMENT": true, "RENAME": true,
	"SET": true, "RESET": true, "USE": true, "LOCK": true, "UNLOCK": true, "DO": true, "DECLARE": true, "DEALLOCATE": true,
	"SAVEPOINT": true, "RELEASE": true, "ROLLBACK": true, "COPY": true, "REFRESH": true, "REINDEX": true, "VACUUM": true, "NOTIFY": true, "DISCARD": true,
}

// verbs are what a WITH may lead to.
var verbs = map[string]bool{"SELECT": true, "VALUES": true, "TABLE": true, "INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "REPLACE": true}

// shapeOf reads the words of a statement that are in no quotes, comments or
// parentheses.
func (d *Database) shapeOf(s string) (out shape) {
	depth, words, ended, fresh, returning, body := 0, 0, false, false, false, false
	for at := 0; at < len(s); {
		end, _ := d.token(s, at)
		token := s[at:end]
		at = end
		if blank(token) {
			continue
		}
		if ended && token != ";" { // a later statement
			if out.several = true; fresh && !body && ends[strings.ToUpper(token)] {
				out.hidden = strings.ToUpper(token)
			}
			fresh = false
		}
		switch {
		case token == "(" && words > 0: // those around a whole SELECT do not count
			depth++
		case token == ")" && depth > 0:
			depth--
		case token == ";" && words > 0:
			ended, fresh = true, true
		case depth == 0 && !ended && letter(token[0]):
			word := strings.ToUpper(token)
			switch words++; words {
			case 1:
				out.first = word
			case 2:
				out.second = word
			}
			if out.verb == "" && verbs[word] {
				out.verb = word
			}
			body = body || word == "ATOMIC" // of a function, whose statements end with END
			returning = returning || word == "RETURNING" || word == "OUTPUT"
			out.temporal = out.temporal || words < 5 && strings.HasPrefix(word, "TEMP") && out.first == "CREATE"
		}
	}
	if out.first != "WITH" || out.verb == "" {
		out.verb = out.first
	}
	out.rows = returning || !silent[out.verb]
	return out
}

// blank reports whether a token is white space or a comment; those that MySQL
// executes are none.
func blank(token string) bool {
	return strings.TrimSpace(token) == "" || strings.HasPrefix(token, "--") || token[0] == '#' && len(token) > 1 ||
		strings.HasPrefix(token, "/*") && !strings.HasPrefix(token, "/*!")
}

// ends are the words that begin or end a transaction.
var ends = map[string]bool{"BEGIN": true, "START": true, "COMMIT": true, "END": true, "ABORT": true, "ROLLBACK": true}

const remedyTransaction = "; begin and end transactions with session(), commit() and rollback()"

// check refuses statements that would end a transaction behind the host's
// back, or leave one open that nobody ends.
func (s shape) check(engine string, inside bool) error {
	switch s.first {
	case "BEGIN", "START", "COMMIT", "END", "ABORT":
		if engine == oracleName || engine == mssqlName && !strings.HasPrefix(s.second, "TRAN") { // a block
			return nil
		}
		return host.FieldErrorf("statement", "%s is no statement for a service%s", s.first, remedyTransaction)
	case "PREPARE":
		if s.second == "TRANSACTION" {
			return host.FieldErrorf("statement", "PREPARE TRANSACTION is no statement for a service%s", remedyTransaction)
		}
	case "ROLLBACK", "SAVEPOINT", "RELEASE":
		if !inside || s.first == "ROLLBACK" && s.second != "TO" {
			return host.FieldErrorf("statement", "%s alone is no statement for a service%s", s.first, remedyTransaction)
		}
	}
	if s.hidden != "" && engine == postgresql {
		return host.FieldErrorf("statement", "%s is no statement for a service%s", s.hidden, remedyTransaction)
	}
	if s.several && engine == sqliteName && !(s.first == "CREATE" && (s.second == "TRIGGER" || s.second == "TEMP" || s.second == "TEMPORARY")) {
		return host.FieldErrorf("statement", "there are several statements in one; execute them one after the other")
	}
	return nil
}

// stains are the statements that change the session they run in.
var stains = map[string]bool{
	"SET": true, "RESET": true, "USE": true, "LOCK": true, "LISTEN": true, "PREPARE": true, "LOAD": true, "HANDLER": true, "PRAGMA": true, "ATTACH": true, "DISCARD": true,
}

// stain reports whether the session is certainly not as it was, so that even the
// same call does not find it so later.
func (s shape) stain(engine string) bool {
	if engine == sqliteName && s.first == "PRAGMA" || engine == oracleName && s.first == "ALTER" && s.second == "SESSION" {
		return true
	}
	return stains[s.first] && s.second != "LOCAL" || s.temporal
}

// prepares reports whether a statement may leave others that are prepared, or
// runs code that may.
func (s shape) prepares() bool {
	return s.several || !verbs[s.first] && s.first != "WITH" && s.first != "SHOW"
}
