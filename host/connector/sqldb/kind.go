package sqldb

import "strings"

// kinds maps the names of column types to what values are for a service:
// integer, float, decimal, boolean, text, bytes, datetime, moment (a time with
// its zone), date, time, interval, uuid, json, any, and list:ELEMENT.
var kinds = map[string]string{
	"INT2": "integer", "INT4": "integer", "INT8": "integer", "INTEGER": "integer", "INT": "integer", "BIGINT": "integer",
	"SMALLINT": "integer", "MEDIUMINT": "integer", "TINYINT": "integer", "YEAR": "integer", "OID": "integer",
	"UNSIGNED INT": "integer", "UNSIGNED BIGINT": "integer", "UNSIGNED SMALLINT": "integer", "UNSIGNED TINYINT": "integer", "UNSIGNED MEDIUMINT": "integer",
	"FLOAT4": "single", "FLOAT8": "float", "FLOAT": "float", "DOUBLE": "float", "REAL": "float", "DOUBLE PRECISION": "float",
	"NUMERIC": "decimal", "DECIMAL": "decimal",
	"BOOL": "boolean", "BOOLEAN": "boolean",
	"BYTEA": "bytes", "BLOB": "bytes", "BINARY": "bytes", "VARBINARY": "bytes", "TINYBLOB": "bytes", "MEDIUMBLOB": "bytes", "LONGBLOB": "bytes",
	"TIMESTAMPTZ": "moment", "TIMESTAMP": "datetime", "DATETIME": "datetime",
	"DATE": "date", "TIME": "time", "TIMETZ": "time", "1266": "time", // by its number: pgx has no name for it
	"INTERVAL": "interval", "GEOMETRY": "bytes",
	"UUID": "uuid", "JSON": "json", "JSONB": "json",
}

// ownKinds are names that mean something else, or are there, in one engine only.
var ownKinds = map[string]map[string]string{
	mssqlName: {
		"BIT": "boolean", "REAL": "single", "MONEY": "decimal", "SMALLMONEY": "decimal", "IMAGE": "bytes",
		"SMALLDATETIME": "datetime", "DATETIME2": "datetime", "DATETIMEOFFSET": "moment", "UNIQUEIDENTIFIER": "uuid", "SQL_VARIANT": "any",
	},
	// What the driver calls them. A date has a time of day.
	oracleName: {
		"NUMBER": "decimal", "FLOAT": "decimal", "VARNUM": "decimal", "IBFLOAT": "single", "BFLOAT": "single", "IBDOUBLE": "float", "BDOUBLE": "float",
		"DATE": "datetime", "OCIDATE": "datetime", "TIMESTAMPDTY": "datetime", "TIMESTAMP": "datetime",
		"TIMESTAMPTZ_DTY": "moment", "TIMESTAMPTZ": "moment", "TIMESTAMPLTZ_DTY": "moment", "TIMESTAMPELTZ": "moment",
		"RAW": "bytes", "LONGRAW": "bytes", "VARRAW": "bytes", "LONGVARRAW": "bytes", "OCIBLOBLOCATOR": "bytes",
	},
}

// kindOf returns what the values of a column are; text if it is not known.
func kindOf(engine, name string) string {
	name = strings.ToUpper(name)
	if element, ok := strings.CutPrefix(name, "_"); ok && engine == postgresql {
		return "list:" + kindOf(engine, element)
	}
	if i := strings.IndexByte(name, '('); i > 0 {
		name = name[:i]
	}
	if kind, ok := ownKinds[engine][name]; ok {
		return kind
	}
	switch {
	case engine == sqliteName && name == "":
		return "any" // an expression: its values say what they are
	case engine == mysqlName && name == "BIT":
		return "bytes"
	case engine == mysqlName && name == "TIME":
		return "interval" // up to 838 hours, and negative
	}
	if kind, ok := kinds[name]; ok {
		return kind
	}
	return "text"
}
