package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	oracle "github.com/sijms/go-ora/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// mssql calls a procedure of SQL Server. What comes out goes through variables
// of the types that the procedure has, which are selected last.
func (p *calling) mssql(ctx context.Context) error {
	var declared, places, shown []string
	var types []mssqlParameter
	for i, way := range p.ways {
		if way == "in" {
			places = append(places, "@p"+strconv.Itoa(i+1))
			continue
		}
		if types == nil {
			var err error
			if types, err = p.mssqlParameters(ctx); err != nil {
				return err
			}
		}
		if i >= len(types) {
			return host.FieldErrorf("ways", "the procedure %s has %d parameters", p.name, len(types))
		}
		variable := "@serai_" + strconv.Itoa(i)
		text := variable + " " + types[i].text()
		if way == "inout" {
			text += " = @p" + strconv.Itoa(i+1)
		}
		declared, places, shown = append(declared, text), append(places, variable+" OUTPUT"), append(shown, variable+" AS ["+types[i].Name+"]")
	}
	var text strings.Builder
	if len(declared) > 0 {
		text.WriteString("DECLARE " + strings.Join(declared, ", ") + "; ")
	}
	text.WriteString("EXEC " + p.name + " " + strings.Join(places, ", "))
	if len(shown) > 0 {
		text.WriteString("; SELECT " + strings.Join(shown, ", "))
	}
	if err := p.read(ctx, text.String(), p.args); err != nil {
		return err
	}
	if n := len(p.sets); len(shown) > 0 && n > 0 {
		p.out, p.sets = p.sets[n-1], p.sets[:n-1]
	}
	return nil
}

// mssqlParameter is a parameter of a procedure as SQL Server describes it.
type mssqlParameter struct {
	Name, Type               string
	Length, Precision, Scale int
}

// text is its type in a declaration.
func (m mssqlParameter) text() string {
	size := strconv.Itoa(m.Length)
	switch m.Type {
	case "nvarchar", "nchar":
		size = strconv.Itoa(m.Length / 2)
		fallthrough
	case "varchar", "char", "varbinary", "binary":
		if m.Length < 0 {
			size = "max"
		}
		return m.Type + "(" + size + ")"
	case "decimal", "numeric":
		return m.Type + "(" + strconv.Itoa(m.Precision) + ", " + strconv.Itoa(m.Scale) + ")"
	case "datetime2", "datetimeoffset", "time":
		return m.Type + "(" + strconv.Itoa(m.Scale) + ")"
	}
	return m.Type
}

func (p *calling) mssqlParameters(ctx context.Context) (out []mssqlParameter, err error) {
	const question = `SELECT STUFF(name, 1, 1, ''), TYPE_NAME(system_type_id), max_length, precision, scale
		FROM sys.parameters WHERE object_id = OBJECT_ID(@p1) AND parameter_id > 0 ORDER BY parameter_id`
	found, err := p.lane.query(ctx, p.d.texts.of(question, false, p.d.parse), []any{p.name})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.close()) }()
	if _, err = found.head(ctx); err != nil {
		return nil, err
	}
	for found.next() && len(out) < maxWays {
		row, err := found.append(nil)
		if err != nil {
			return nil, err
		}
		var one mssqlParameter
		if err := json.Unmarshal(row, &[]any{&one.Name, &one.Type, &one.Length, &one.Precision, &one.Scale}); err != nil {
			return nil, fmt.Errorf("reading parameters: %w", err)
		}
		if !procedureName.MatchString(one.Type) || !procedureName.MatchString(one.Name) {
			return nil, host.Errorf(abi.Unsupported, "the parameter %q of type %q does not come out", host.Clip(one.Name), host.Clip(one.Type))
		}
		out = append(out, one)
	}
	return out, found.err()
}

// maxOracleText is the longest text of PL/SQL.
const maxOracleText = 32767

// oracle calls a procedure of Oracle Database. What comes out is text, as the
// database converts it.
func (p *calling) oracle(ctx context.Context) error {
	args := make([]any, len(p.args))
	places, names, kinds := make([]string, len(p.args)), []string(nil), []string(nil)
	var outs []*sql.NullString
	for i, way := range p.ways {
		places[i] = ":" + strconv.Itoa(i+1)
		if args[i] = p.args[i]; way == "in" {
			continue
		}
		value := new(sql.NullString)
		if way == "inout" && p.args[i] != nil {
			*value = sql.NullString{String: fmt.Sprint(p.args[i]), Valid: true}
		}
		args[i] = oracle.Out{Dest: value, Size: maxOracleText, In: way == "inout"}
		outs, names, kinds = append(outs, value), append(names, "p"+strconv.Itoa(i+1)), append(kinds, "text")
	}
	text := "BEGIN " + p.name + "(" + strings.Join(places, ", ") + "); END;"
	if len(places) == 0 {
		text = "BEGIN " + p.name + "; END;"
	}
	if _, err := p.lane.exec(ctx, p.d.texts.of(text, false, p.d.parse), args); err != nil || len(outs) == 0 {
		return err
	}
	out, err := headOf(names, kinds)
	if err != nil {
		return err
	}
	for i, value := range outs {
		out = append(out, "[,"[min(i, 1)])
		if value.Valid {
			out = appendText(out, value.String)
		} else {
			out = append(out, "null"...)
		}
	}
	out = append(out, "]]}"...)
	p.out = out
	return nil
}
