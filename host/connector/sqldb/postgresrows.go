package sqldb

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// plan is how the rows of a statement are written.
type plan struct {
	start  []byte // of a page
	fields []pgconn.FieldDescription
	kinds  []string
}

// fits reports whether a result has the columns that the plan is for.
func (p *plan) fits(fields []pgconn.FieldDescription) bool {
	return p != nil && slices.EqualFunc(p.fields, fields, func(a, b pgconn.FieldDescription) bool {
		return a.DataTypeOID == b.DataTypeOID && a.Format == b.Format && a.Name == b.Name
	})
}

// postgresRows are rows of PostgreSQL. They go from the form in which they
// arrive to JSON, without values in between.
type postgresRows struct {
	pgx.Rows
	lane      *postgresLane
	statement *parsed
	fields    []pgconn.FieldDescription
	plan      *plan
	first     bool // the first row is there and was not asked for
}

func (r *postgresRows) head(ctx context.Context) ([]byte, error) {
	if len(r.fields) == 0 {
		return nil, nil
	}
	if r.plan = r.statement.plan.Load(); r.plan.fits(r.fields) {
		return r.plan.start, nil
	}
	p := &plan{fields: slices.Clone(r.fields), kinds: make([]string, len(r.fields))}
	names, sure := make([]string, len(r.fields)), true
	for i, f := range p.fields {
		kind, known := r.lane.db.custom.kind(ctx, typeName(r.lane.conn.TypeMap(), f.DataTypeOID))
		names[i], p.kinds[i], sure = f.Name, kind, sure && known
	}
	var err error
	if p.start, err = headOf(names, p.kinds); err != nil {
		return nil, err
	}
	if r.plan = p; sure {
		r.statement.plan.Store(p)
	}
	return p.start, nil
}

// typeName returns the name of a type, or its number if it has none here.
func typeName(types *pgtype.Map, oid uint32) string {
	if t, ok := types.TypeForOID(oid); ok {
		return strings.ToUpper(t.Name)
	}
	return strconv.FormatUint(uint64(oid), 10)
}

func (r *postgresRows) next() bool {
	if r.first {
		r.first = false
		return true
	}
	return r.Next()
}

func (r *postgresRows) err() error { return r.Err() }

func (r *postgresRows) nextSet() bool { return false }

// drainTime is how long rows that nobody wants are read for, so that the
// connection can go on. Where a transaction depends on it that takes as long as
// it takes.
const drainTime = 100 * time.Millisecond

func (r *postgresRows) close() error {
	socket := r.lane.conn.PgConn().Conn()
	if r.lane.conn.PgConn().IsBusy() && !r.lane.inside {
		_ = socket.SetReadDeadline(time.Now().Add(drainTime))
		defer socket.SetReadDeadline(time.Time{}) //nolint:errcheck // then it is closed
	}
	r.Close()
	return r.Err()
}

func (r *postgresRows) append(out []byte) ([]byte, error) {
	values := r.RawValues()
	if len(values) != len(r.plan.fields) {
		return nil, errMalformed
	}
	out = append(out, '[')
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		if v == nil {
			out = append(out, "null"...)
			continue
		}
		var err error
		if out, err = appendRaw(out, v, &r.plan.fields[i], r.plan.kinds[i]); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// errMalformed is what a server says that does not keep to its protocol.
var errMalformed = errors.New("the database sent a value in a form that it does not have")

// appendRaw writes a value that is not null.
func appendRaw(out, v []byte, f *pgconn.FieldDescription, kind string) ([]byte, error) {
	if f.Format == pgx.TextFormatCode {
		switch kind {
		case "text", "decimal", "uuid", "time", "interval":
			return appendText(out, v), nil
		}
		return appendString(out, string(v), kind), nil
	}
	if f.DataTypeOID == pgtype.ByteaOID {
		return appendBase64(out, v), nil
	}
	if len(v) != widthOf(f.DataTypeOID) {
		return nil, errMalformed
	}
	switch n := signed(v); f.DataTypeOID {
	case pgtype.BoolOID:
		return strconv.AppendBool(out, n != 0), nil
	case pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID:
		return strconv.AppendInt(out, n&math.MaxUint32, 10), nil
	case pgtype.Float4OID:
		return appendFloat(out, float64(math.Float32frombits(binary.BigEndian.Uint32(v))), "single"), nil
	case pgtype.Float8OID:
		return appendFloat(out, math.Float64frombits(binary.BigEndian.Uint64(v)), kind), nil
	case pgtype.DateOID:
		return appendDate(out, n), nil
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		return appendMoment(out, n, kind), nil
	default:
		return strconv.AppendInt(out, n, 10), nil
	}
}

// widthOf returns how long the values of a type are in binary form, -1 if it
// is none of [formats].
func widthOf(oid uint32) int {
	switch oid {
	case pgtype.BoolOID:
		return 1
	case pgtype.Int2OID:
		return 2
	case pgtype.Int4OID, pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID, pgtype.Float4OID, pgtype.DateOID:
		return 4
	case pgtype.Int8OID, pgtype.Float8OID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		return 8
	}
	return -1
}

// signed returns an integer of up to 8 bytes in two's complement.
func signed(v []byte) (n int64) {
	for _, b := range v {
		n = n<<8 | int64(b)
	}
	unused := 64 - 8*len(v)
	return n << unused >> unused
}

// epoch is what PostgreSQL's times count from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Times that are none.
const (
	infinity      = `"infinity"`
	minusInfinity = `"-infinity"`
)

func appendDate(out []byte, days int64) []byte {
	switch days {
	case math.MaxInt32:
		return append(out, infinity...)
	case math.MinInt32:
		return append(out, minusInfinity...)
	}
	return append(epoch.AddDate(0, 0, int(days)).AppendFormat(append(out, '"'), time.DateOnly), '"')
}

func appendMoment(out []byte, micros int64, kind string) []byte {
	switch micros {
	case math.MaxInt64:
		return append(out, infinity...)
	case math.MinInt64:
		return append(out, minusInfinity...)
	}
	t := time.Unix(epoch.Unix()+micros/1e6, micros%1e6*1e3).UTC()
	return append(t.AppendFormat(append(out, '"'), timeLayout(kind)), '"')
}
