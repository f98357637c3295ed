package sqldb

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// procedure is a request for sql.call.
type procedure struct {
	Body struct {
		Procedure  string            `json:"procedure" required:"true" doc:"name of the procedure or function, with its schema or without"`
		Parameters []json.RawMessage `json:"parameters" doc:"its parameters in order; null for those that only come out"`
		Ways       []string          `json:"ways" doc:"in, out or inout for each parameter; in for all if it is left out"`
	} `body:"the procedure and its parameters"`
}

// outcome is what a procedure gave.
type outcome struct {
	Body json.RawMessage `body:"{\"sets\": [result sets as of sql.execute], \"out\": one with the values that came out, in order, or null}"`
}

// Bounds of a call's reply.
const (
	maxWays     = 1000
	maxSets     = 100
	maxSetBytes = 16 << 20
)

// procedureName is one or more names with dots between, so that nothing else
// gets into the statement.
var procedureName = regexp.MustCompile(`^[A-Za-z_\x80-\x{10FFFF}][\w$\x80-\x{10FFFF}]*(\.[A-Za-z_\x80-\x{10FFFF}][\w$\x80-\x{10FFFF}]*){0,2}$`)

func callProcedure(ctx context.Context, d *Database, r *connector.Request, in procedure) (out outcome, err error) {
	name, ways := in.Body.Procedure, in.Body.Ways
	if !procedureName.MatchString(name) || len(name) > 256 {
		return out, host.FieldErrorf("procedure", "procedure %q is no name, such as schema.name", host.Clip(name))
	}
	if len(in.Body.Parameters) > maxWays || len(ways) != 0 && len(ways) != len(in.Body.Parameters) {
		return out, host.FieldErrorf("ways", "there are %d parameters and %d ways: at most %d, and as many of both", len(in.Body.Parameters), len(ways), maxWays)
	}
	args := make([]any, len(in.Body.Parameters))
	for i, raw := range in.Body.Parameters {
		if args[i], err = d.argument(raw, place{base: "parameters", index: i}); err != nil {
			return out, err
		}
	}
	for len(ways) < len(args) {
		ways = append(ways, "in")
	}
	for _, way := range ways {
		if way != "in" && way != "out" && way != "inout" {
			return out, host.FieldErrorf("ways", "%q is none of in, out, inout", host.Clip(way))
		}
	}
	ctx, late := newAlarm(ctx, d.timeout)
	defer late.end()
	l, err := d.db.lend(ctx, callerOf(r))
	if err != nil {
		return out, d.fault(late.explain(err))
	}
	p := &calling{d: d, lane: l, name: name, args: args, ways: ways}
	defer func() { l.release(p.stained) }()
	switch d.engine {
	case postgresql:
		err = p.postgres(ctx)
	case mysqlName:
		err = p.mysql(ctx)
	case mssqlName:
		err = p.mssql(ctx)
	case oracleName:
		err = p.oracle(ctx)
	default:
		err = host.Errorf(abi.Unsupported, "the engine %s has no procedures that are called so", d.engine)
	}
	if err != nil {
		return out, d.fault(late.explain(err))
	}
	if p.sets == nil {
		p.sets = []json.RawMessage{}
	}
	out.Body, err = json.Marshal(struct {
		Sets []json.RawMessage `json:"sets"`
		Out  json.RawMessage   `json:"out"`
	}{p.sets, p.out})
	return out, err
}

// calling is a call under way.
type calling struct {
	d       *Database
	lane    lane
	name    string
	args    []any
	ways    []string
	sets    []json.RawMessage
	out     json.RawMessage
	size    int
	stained bool
}

// postgres calls a procedure, which answers with one row of what comes out, or
// selects from a function, which has no parameters but those that go in.
func (p *calling) postgres(ctx context.Context) error {
	schema, name := "", p.name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		schema, name = name[:i], name[i+1:]
	}
	isProcedure, err := p.isProcedure(ctx, schema, name)
	if err != nil {
		return err
	}
	var args []any
	var places []string
	outs := false
	for i, way := range p.ways {
		outs = outs || way != "in"
		switch {
		case way == "out" && !isProcedure:
		case way == "out":
			places = append(places, "NULL")
		default:
			args = append(args, p.args[i])
			places = append(places, "$"+strconv.Itoa(len(args)))
		}
	}
	verb := "SELECT * FROM "
	if isProcedure {
		verb = "CALL "
	}
	if err := p.read(ctx, verb+p.name+"("+strings.Join(places, ", ")+")", args); err != nil {
		return err
	}
	if outs && len(p.sets) == 1 { // what came out is the row
		p.out, p.sets = p.sets[0], nil
	}
	return nil
}

// isProcedure reports whether a name is that of a procedure, and not of a
// function. Names that are not quoted are in small letters.
func (p *calling) isProcedure(ctx context.Context, schema, name string) (bool, error) {
	const question = `SELECT bool_or(p.prokind = 'p') FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
		WHERE p.proname = lower($1) AND CASE WHEN $2 = '' THEN pg_catalog.pg_function_is_visible(p.oid) ELSE n.nspname = lower($2) END`
	found, err := p.lane.query(ctx, p.d.texts.of(question, false, p.d.parse), []any{name, schema})
	if err != nil {
		return false, err
	}
	var answer []byte
	if _, err = found.head(ctx); err == nil && found.next() {
		answer, err = found.append(nil)
	}
	if err = errors.Join(err, found.close()); err != nil {
		return false, err
	}
	if string(answer) == "[null]" {
		return false, host.Errorf(abi.Remote, "the database has no procedure or function %s", p.name)
	}
	return string(answer) == "[true]", nil
}

// mysql calls a procedure, whose results of other kinds are in variables of
// the session.
func (p *calling) mysql(ctx context.Context) error {
	var args []any
	var places, variables []string
	for i, way := range p.ways {
		if way == "in" {
			args, places = append(args, p.args[i]), append(places, "?")
			continue
		}
		variable := "@serai_" + strconv.Itoa(i)
		p.stained = true
		places, variables = append(places, variable), append(variables, variable)
		if way == "inout" {
			if _, err := p.lane.exec(ctx, p.d.texts.of("SET "+variable+" = ?", false, p.d.parse), p.args[i:i+1]); err != nil {
				return err
			}
		}
	}
	if err := p.read(ctx, "CALL "+p.name+"("+strings.Join(places, ", ")+")", args); err != nil || len(variables) == 0 {
		return err
	}
	sets := p.sets
	if err := p.read(ctx, "SELECT "+strings.Join(variables, ", "), nil); err != nil {
		return err
	}
	p.out, p.sets = p.sets[len(sets)], sets
	return nil
}

// read executes a statement and takes all of its result sets.
func (p *calling) read(ctx context.Context, statement string, args []any) (err error) {
	found, err := p.lane.query(ctx, p.d.texts.of(statement, false, p.d.parse), args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.close()) }()
	for {
		set, err := newPage(ctx, found)
		if err != nil {
			return err
		}
		if set != nil {
			if err := p.take(set); err != nil {
				return err
			}
		}
		if !found.nextSet() {
			return found.err()
		}
	}
}

// take reads a result set to its end.
func (p *calling) take(set *page) error {
	for first := true; ; first = false {
		body, more, err := set.read()
		if err != nil {
			return err
		}
		p.size += len(body)
		if p.size > maxSetBytes || len(p.sets) > maxSets {
			return host.Errorf(abi.TooLarge, "the procedure gave more than %d MiB or %d result sets", maxSetBytes>>20, maxSets)
		}
		if first {
			p.sets = append(p.sets, body)
		} else if rows := body[len(set.start) : len(body)-2]; len(rows) > 0 {
			last := p.sets[len(p.sets)-1]
			last = append(last[:len(last)-2], ',')
			p.sets[len(p.sets)-1] = append(append(last, rows...), "]}"...)
		}
		if !more {
			return nil
		}
	}
}
