package pool

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// hidden is what is shown instead of a secret or an address.
const hidden = "***"

// Bounds of what a [redactor] looks for.
const (
	shortSecret  = 4  // a shorter one is hidden only where it stands by itself
	longLine     = 16 // a line so long of a secret is hidden by itself
	maxAddresses = 64
)

// redactor hides the secrets of a connection in texts, as they are and as
// protocols write them, and the addresses that it dialled. A nil redactor
// hides nothing.
type redactor struct {
	mu        sync.Mutex
	secrets   []string
	replace   *strings.Replacer // made when it is needed; most connections work
	short     []string
	addresses []string
}

// hide adds a secret.
func (r *redactor) hide(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if secret = strings.TrimSpace(secret); secret != "" && !slices.Contains(r.secrets, secret) {
		r.secrets, r.replace = append(r.secrets, secret), nil
	}
}

// secretsIn returns the text without secrets.
func (r *redactor) secretsIn(text string) string {
	if r == nil {
		return text
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replace == nil {
		r.prepare()
	}
	text = r.replace.Replace(text)
	for _, s := range r.short {
		text = hideWord(text, s)
	}
	return text
}

// forService returns the text without secrets and addresses.
func (r *redactor) forService(text string) string {
	if r == nil {
		return text
	}
	text = r.secretsIn(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.addresses {
		text = hideWord(text, a)
	}
	return text
}

// prepare makes the replacer. r is locked.
func (r *redactor) prepare() {
	var all []string
	r.short = nil
	for _, s := range r.secrets {
		if len(s) < shortSecret {
			r.short = append(r.short, s)
			continue
		}
		all = append(all, forms(s)...)
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); len(line) >= longLine && line != s {
				all = append(all, line)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longest first
	pairs := make([]string, 0, 2*len(all))
	for _, form := range slices.Compact(all) {
		pairs = append(pairs, form, hidden)
	}
	r.replace = strings.NewReplacer(pairs...)
}

// forms returns how a secret may be written.
func forms(s string) []string {
	out := []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))}
	if quoted, err := json.Marshal(s); err == nil {
		out = append(out, string(quoted[1:len(quoted)-1]))
	}
	// In base64 it looks different at each of three places of what is
	// encoded, such as user:password. What it shares with its neighbours'
	// bits is left out.
	for before, shared := range []int{0, 2, 3} {
		raw := append(make([]byte, before), s...)
		whole := len(raw) * 8 / 6
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			out = append(out, e.EncodeToString(raw)[shared:whole])
		}
	}
	return out
}

// hideWord hides what stands by itself in a text.
func hideWord(text, word string) string {
	var b strings.Builder
	rest := text
	for {
		i := strings.Index(rest, word)
		if i < 0 {
			break
		}
		end := i + len(word)
		if i > 0 && isWord(rest[i-1]) || end < len(rest) && isWord(rest[end]) {
			b.WriteString(rest[:end])
		} else {
			b.WriteString(rest[:i] + hidden)
		}
		rest = rest[end:]
	}
	return b.String() + rest
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dial returns a dial that remembers where it led.
func (r *redactor) dial(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		r.seen(address)
		conn, err := dial(ctx, network, address)
		if err == nil {
			r.seen(conn.RemoteAddr().String())
		}
		return conn, err
	}
}

func (r *redactor) seen(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.addresses, address) || len(r.addresses) >= maxAddresses {
		return
	}
	r.addresses = append(r.addresses, address)
	// A name without dots may be any word.
	if name, _, err := net.SplitHostPort(address); err == nil && strings.ContainsAny(name, ".:") {
		r.addresses = append(r.addresses, name)
	}
	slices.SortFunc(r.addresses, func(a, b string) int { return len(b) - len(a) })
}

// redactingHandler is the log of a connection, which holds none of its secrets.
type redactingHandler struct {
	slog.Handler
	redact *redactor
}

// Handle implements slog.Handler.
func (h redactingHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.redact.secretsIn(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.clean(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h redactingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.clean(a)
	}
	return redactingHandler{h.Handler.WithAttrs(clean), h.redact}
}

// WithGroup implements slog.Handler.
func (h redactingHandler) WithGroup(name string) slog.Handler {
	return redactingHandler{h.Handler.WithGroup(name), h.redact}
}

func (h redactingHandler) clean(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		var group []any
		for _, member := range v.Group() {
			group = append(group, h.clean(member))
		}
		return slog.Group(a.Key, group...)
	case slog.KindString, slog.KindAny:
		return slog.String(a.Key, h.redact.secretsIn(v.String()))
	default:
		return a
	}
}
