package route

import (
	"errors"
	"fmt"
)

// Entry is one route: what it matches and where it leads.
type Entry struct {
	Host   string // as NormalHost returns it; "" is any
	Method string // upper case; "" or "*" is any
	Path   string // a pattern
	Target int    // the caller's, such as an index

	names []string // of the parameters, in order
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
	param    *node
	rest     *leaf
	here     *leaf
}

// leaf holds the entries of one pattern's shape by method.
type leaf struct {
	methods map[string]*Entry
	any     *Entry
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
	if err := errors.Join(CheckMethod(e.Method), CheckHost(e.Host)); err != nil {
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
	var l **leaf
	for _, s := range segments {
		if s.Kind != Literal {
			e.names = append(e.names, s.Text)
		}
		if s.Kind == Rest {
			l = &at.rest
			break
		}
		at = at.child(s)
	}
	if l == nil {
		l = &at.here
	}
	if !claim(l, e) {
		return fmt.Errorf("%w: %s is there already", ErrPattern, e)
	}
	t.size++
	return nil
}

func (n *node) child(s Segment) *node {
	if s.Kind == Single {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
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

func claim(at **leaf, e *Entry) bool {
	if *at == nil {
		*at = &leaf{}
	}
	l := *at
	if anyMethod(e.Method) {
		if l.any != nil {
			return false
		}
		l.any = e
		return true
	}
	if l.methods[e.Method] != nil {
		return false
	}
	if l.methods == nil {
		l.methods = map[string]*Entry{}
	}
	l.methods[e.Method] = e
	return true
}

// entry returns the entry for the method. HEAD falls back to GET.
func (l *leaf) entry(method string) *Entry {
	if l == nil {
		return nil
	}
	if e := l.methods[method]; e != nil {
		return e
	}
	if method == "HEAD" {
		if e := l.methods["GET"]; e != nil {
			return e
		}
	}
	return l.any
}
