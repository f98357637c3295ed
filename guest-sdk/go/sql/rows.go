package sql

import (
	"bytes"
	"database/sql/driver"
	"io"
	"sync"

	"github.com/seraihost/serai/guest-sdk/go/internal/form"
)

// rows are the rows of a statement, a page at a time.
type rows struct {
	*head
	connection, cursor string
	page               []byte // what is left of it: [value, value], … ]}
}

// head is what a page begins with, which is the same for all of a statement.
type head struct{ names, kinds []string }

// heads are those of late, by their text, so that each is read once.
var (
	mu    sync.Mutex
	heads = map[string]*head{}
)

const maxHeads = 64

var _ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)

func newRows(connection string, reply form.Reply) (*rows, error) {
	r := &rows{head: &head{}, connection: connection}
	return r, r.take(reply.Get("cursor"), reply.Body)
}

// take makes a page of rows the one that is read.
func (r *rows) take(cursor string, body []byte) error {
	r.cursor, r.page = cursor, nil
	if len(body) == 0 { // a statement without rows
		return nil
	}
	const between = `],"rows":[` // in a text the quotes would be escaped
	end := bytes.Index(body, []byte(between))
	if end < 0 {
		return errPage
	}
	r.page = body[end+len(between):]
	mu.Lock()
	defer mu.Unlock()
	if h := heads[string(body[:end])]; h != nil {
		r.head = h
		return nil
	}
	h := &head{}
	s := scanner{rest: body[:end+1]}
	s.want(`{"columns":`)
	h.names = s.texts()
	s.want(`,"types":`)
	h.kinds = s.texts()
	if s.err == nil && len(h.names) != len(h.kinds) {
		s.fail()
	}
	if s.err != nil {
		return s.err
	}
	if r.head = h; len(heads) == maxHeads {
		clear(heads)
	}
	heads[string(body[:end])] = h
	return nil
}

func (r *rows) Columns() []string { return r.names }

// ColumnTypeDatabaseTypeName returns what the values of a column are: integer,
// float, decimal, boolean, text, bytes, datetime, moment (a time with its
// zone), date, time, interval, uuid, json, any, and list:ELEMENT.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.kinds[i] }

func (r *rows) Close() error {
	cursor := r.cursor
	r.cursor, r.page = "", nil
	if cursor == "" {
		return nil
	}
	return Connection(r.connection).Close(cursor)
}

func (r *rows) Next(values []driver.Value) error {
	for len(r.page) == 0 || r.page[0] == ']' {
		if r.cursor == "" {
			return io.EOF
		}
		reply, err := Connection(r.connection).Next(r.cursor)
		if err != nil {
			r.cursor = ""
			return err
		}
		if err := r.take(reply.Cursor, reply.Body); err != nil {
			return err
		}
	}
	s := scanner{rest: r.page}
	s.skip(',')
	s.want("[")
	for i := range values {
		if i > 0 {
			s.want(",")
		}
		values[i] = s.value(r.kinds[i])
	}
	s.want("]")
	r.page = s.rest
	return s.err
}
