package sqldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxCustom bounds the types that are remembered; there are more only where
// they are made all the time.
const maxCustom = 10_000

// customTime bounds the question what a type is.
const customTime = 5 * time.Second

// kind returns what the values of a column are. The drivers know the types
// that databases come with; of others PostgreSQL gives a number only, and is
// asked once whether it stands for an array.
func (d *Database) kind(ctx context.Context, name string) string {
	if _, known := kinds[name]; known || d.custom == nil || name == "" || name[0] < '0' || name[0] > '9' {
		return kindOf(d.engine, name)
	}
	d.mu.Lock()
	kind, known := d.kinds[name]
	d.mu.Unlock()
	if known {
		return kind
	}
	ctx, cancel := context.WithTimeout(ctx, customTime)
	defer cancel()
	isArray, err := d.custom(ctx, name)
	if err != nil { // text is right for all of them
		return "text"
	}
	kind = "text"
	if isArray {
		kind = "list:text"
	}
	d.mu.Lock()
	if len(d.kinds) < maxCustom {
		d.kinds[name] = kind
	}
	d.mu.Unlock()
	return kind
}

// customOf asks over a connection of its own, for the one that has the rows is
// busy and the pool may have no other.
func customOf(config *pgx.ConnConfig) func(ctx context.Context, oid string) (isArray bool, err error) {
	return func(ctx context.Context, oid string) (isArray bool, err error) {
		c, err := pgx.ConnectConfig(ctx, config)
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
}
