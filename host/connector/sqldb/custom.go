package sqldb

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxCustom bounds the types that are remembered; there are more only where
// they are made all the time.
const maxCustom = 10_000

// customTime bounds the question what a type is.
const customTime = 5 * time.Second

// customTypes are the types that a PostgreSQL database does not come with.
type customTypes struct {
	config *pgx.ConnConfig
	mu     sync.Mutex
	kinds  map[string]string
}

// kind returns what the values of a column are, and whether that is sure. The
// driver knows the types that databases come with; of others there is a number
// only, and the database is asked once whether it stands for an array.
func (t *customTypes) kind(ctx context.Context, name string) (kind string, sure bool) {
	if _, known := kinds[name]; known || name == "" || name[0] < '0' || name[0] > '9' {
		return kindOf(postgresql, name), true
	}
	t.mu.Lock()
	kind, known := t.kinds[name]
	t.mu.Unlock()
	if known {
		return kind, true
	}
	ctx, cancel := context.WithTimeout(ctx, customTime)
	defer cancel()
	isArray, err := t.ask(ctx, name)
	if err != nil { // text is right for all of them
		return "text", false
	}
	kind = "text"
	if isArray {
		kind = "list:text"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = make(map[string]string)
	}
	if len(t.kinds) < maxCustom {
		t.kinds[name] = kind
	}
	return kind, true
}

// ask asks over a connection of its own, for the one that has the rows is busy
// and the pool may have no other.
func (t *customTypes) ask(ctx context.Context, oid string) (isArray bool, err error) {
	c, err := pgx.ConnectConfig(ctx, t.config)
	if err != nil {
		return false, fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	err = c.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_catalog.pg_type WHERE oid = $1::text::oid AND typcategory = 'A'", oid).Scan(&isArray)
	if err != nil {
		return false, fmt.Errorf("asking for a type: %w", err)
	}
	return isArray, nil
}
