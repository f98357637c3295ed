package route

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seraihost/serai/host"
)

// Entry is one route: what it matches and where it leads.
type Entry struct {
	Host       string // as NormalHost returns it; "" is any
	Method     string // upper case; "" or "*" is any
	Path       string // a pattern
	MatchSlash bool   // placeholders take slashes too
	Accept     string // media type that it answers with, or a range such as text/*, in lower case; "" is any
	Target     int    // the caller's, such as an index

	names []string // of the placeholders, in order
	label string   // what String returns
}

// String returns the method and the pattern, such as "GET /user/{id}"; of any
// method the pattern alone.
func (e *Entry) String() string {
	switch {
	case e.label != "":
		return e.label
	case anyMethod(e.Method):
		return e.Path
	default:
		return e.Method + " " + e.Path
	}
}

func anyMethod(m string) bool { return m == "" || m == "*" }

// Table is an immutable set of entries. The zero value matches nothing.
type Table struct {
	hosts map[string]*node
	any   *node
	size  int
}

// node is a place in the tree of segments. A path reaches it in one way only,
// so a match visits each node at most once.
type node struct {
	literals map[string]*node
	mixed    []branch[*node] // literals and placeholders in one segment
	param    *node
	across   []branch[*leaf] // placeholders that take slashes: all of the path from here on
	rest     *leaf
	here     *leaf
}

// branch leads on where a glob matches. Branches are sorted, the most specific
// glob first.
type branch[T any] struct {
	glob glob
	to   T
}

// leaf holds the entries of one pattern's shape by method and media type.
type leaf struct {
	methods map[string]offers
	any     offers
}

// Build returns a table of the entries. Those that are malformed, and those
// that match the same requests as one before them, are left out; the error
// names each of them, and the table holds the others.
func Build(entries []Entry) (*Table, error) {
	t := &Table{hosts: map[string]*node{}, any: &node{}}
	var errs []error
	for i := range entries {
		e := entries[i]
		if err := t.add(&e); err != nil {
			errs = append(errs, fmt.Errorf("route %d: %w", i, err))
		}
	}
	return t, errors.Join(errs...)
}

// Len returns the number of entries.
func (t *Table) Len() int { return t.size }

func (t *Table) add(e *Entry) error {
	segments, err := Parse(e.Path)
	if err != nil {
		return err
	}
	if err := errors.Join(CheckMethod(e.Method), CheckHost(e.Host), checkAccept(e.Accept)); err != nil {
		return err
	}
	at := t.any
	if e.Host != "" {
		if at = t.hosts[e.Host]; at == nil {
			at = &node{}
			t.hosts[e.Host] = at
		}
	}
	e.label = e.String()
	for _, s := range segments {
		e.names = append(e.names, s.Names...)
	}
	l, err := at.leaf(e, segments)
	if err != nil {
		return err
	}
	if !l.claim(e) {
		return fmt.Errorf("%w: %s is there already, or in too many media types", ErrPattern, e)
	}
	t.size++
	return nil
}

// leaf returns the leaf for an entry of these segments below n.
func (n *node) leaf(e *Entry, segments []Segment) (*leaf, error) {
	offset := 1
	for _, s := range segments {
		switch {
		case s.Kind == Rest && e.MatchSlash:
			return nil, fmt.Errorf("%w: path %q: {name...} takes slashes anyway", ErrPattern, host.Clip(e.Path))
		case s.Kind == Rest:
			return ensure(&n.rest), nil
		case s.Kind != Literal && e.MatchSlash:
			literals, _, _ := host.CutPlaceholders(e.Path[offset:])
			return *follow(&n.across, literals, func() *leaf { return &leaf{} }), nil
		}
		n = n.child(s)
		offset += len(s.Text) + 1
	}
	return ensure(&n.here), nil
}

func ensure[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// child returns the node that a segment of one of the other kinds leads to.
func (n *node) child(s Segment) *node {
	switch s.Kind {
	case Single:
		return ensure(&n.param)
	case Mixed:
		return *follow(&n.mixed, s.literals, func() *node { return &node{} })
	case Literal, Rest:
	}
	if n.literals == nil {
		n.literals = map[string]*node{}
	}
	c := n.literals[s.Text]
	if c == nil {
		c = &node{}
		n.literals[s.Text] = c
	}
	return c
}

// follow returns where the branch of the glob leads, which it makes if there
// is none.
func follow[T any](branches *[]branch[T], g glob, fresh func() T) *T {
	at, found := slices.BinarySearchFunc(*branches, g, func(b branch[T], g glob) int { return b.glob.compare(g) })
	if !found {
		*branches = slices.Insert(*branches, at, branch[T]{g, fresh()})
	}
	return &(*branches)[at].to
}

// claim puts e among the leaf's entries, unless its place is taken.
func (l *leaf) claim(e *Entry) (ok bool) {
	if anyMethod(e.Method) {
		l.any, ok = l.any.with(e)
		return ok
	}
	if l.methods == nil {
		l.methods = map[string]offers{}
	}
	l.methods[e.Method], ok = l.methods[e.Method].with(e)
	return ok
}

// entry returns the entry for the request. HEAD falls back to GET.
func (l *leaf) entry(m *Match) *Entry {
	if e := l.methods[m.method].choose(m); e != nil {
		return e
	}
	if m.method == "HEAD" {
		if e := l.methods["GET"].choose(m); e != nil {
			return e
		}
	}
	return l.any.choose(m)
}
