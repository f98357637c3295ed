package wheel

import (
	"fmt"
	"strings"
)

// RefusedError says that a package cannot run in a service.
type RefusedError struct {
	Name    string
	Why     string   // such as "it is compiled code"
	Instead string   // what to use; "" if nothing is known
	Chain   []string // who requires it, from requirements.txt on; empty if it is named there
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s cannot run in a Serai service: %s", e.Name, e.Why)
	what := "it"
	for _, user := range e.Chain {
		fmt.Fprintf(&b, ", %s requires %s", user, what)
		what = user
	}
	if e.Instead != "" {
		fmt.Fprintf(&b, "; use %s", e.Instead)
	}
	return b.String()
}

// refusal is what is known of a package that cannot run.
type refusal struct{ why, instead, pure string }

// Reasons that many packages share.
const (
	compiledCode = "it is compiled code"
	sockets      = "it opens sockets, which a sandbox does not have"
	loops        = "it replaces the event loop and sockets, which a sandbox does not have"
	driver       = "it is a driver of native code that opens sockets"
	rest         = "self.out.rest[...], or requests, which Serai has"
	sql          = "an SQL connection of the host"
	cryptography = "self.crypto, hashlib, hmac and secrets"
)

// refusals by normalised name. The ones with pure have a requirement that
// stands for versions without compiled code.
var refusals = map[string]*refusal{
	"aiohttp":                {sockets, rest, ""},
	"asyncpg":                {driver, sql, ""},
	"bcrypt":                 {compiledCode, "self.crypto.hash_secret and verify_hash", ""},
	"cassandra-driver":       {driver, "a connection of the host", ""},
	"cbor2":                  {"from version 6 on it is compiled code", "cbor2<6, which has pure Python", "cbor2<6"},
	"cffi":                   {"it calls native code", "a pure-Python package for what its user does", ""},
	"confluent-kafka":        {driver, "a connection of the host", ""},
	"coverage":               {"it keeps its data in files of SQLite", "it with your own Python, and name it in another file than requirements.txt", ""},
	"cryptography":           {compiledCode, cryptography, ""},
	"cx-oracle":              {driver, sql, ""},
	"eventlet":               {loops, "asyncio's tasks, or self.invoke_async", ""},
	"gevent":                 {loops, "asyncio's tasks, or self.invoke_async", ""},
	"greenlet":               {"it switches native stacks", "asyncio's tasks, or generators", ""},
	"grpcio":                 {sockets + ", in compiled code", "a REST interface of the same system", ""},
	"hiredis":                {compiledCode, "self.kvdb.conn", ""},
	"httptools":              {compiledCode, rest, ""},
	"ibm-db":                 {driver, sql, ""},
	"lxml":                   {"it is compiled code around libxml2", "xml.etree.ElementTree, defusedxml or xmltodict", ""},
	"matplotlib":             {compiledCode, "a library that writes SVG as text", ""},
	"mysqlclient":            {driver, sql, ""},
	"numpy":                  {compiledCode, "statistics, array, decimal and fractions of the standard library, or a service that does the calculation elsewhere", ""},
	"opencv-python":          {compiledCode, "a service that does the work elsewhere, over REST", ""},
	"oracledb":               {driver, sql, ""},
	"orjson":                 {compiledCode, "json of the standard library", ""},
	"pandas":                 {compiledCode + " over numpy", "csv, statistics and itertools of the standard library, or openpyxl for spreadsheets", ""},
	"pillow":                 {compiledCode, "a service that does the work elsewhere, over REST", ""},
	"polars":                 {compiledCode, "csv, statistics and itertools of the standard library", ""},
	"psutil":                 {"it looks at processes, and a sandbox has none", "the host's metrics", ""},
	"psycopg":                {driver, sql, ""},
	"psycopg-binary":         {driver, sql, ""},
	"psycopg-c":              {driver, sql, ""},
	"psycopg2":               {driver, sql, ""},
	"psycopg2-binary":        {driver, sql, ""},
	"pyarrow":                {compiledCode, "csv or json of the standard library", ""},
	"pycryptodome":           {compiledCode, cryptography, ""},
	"pycryptodomex":          {compiledCode, cryptography, ""},
	"pycurl":                 {sockets, rest, ""},
	"pydantic":               {"from version 2 on it is compiled code", "serai's Model and dataclass, or pydantic<2, which is pure Python", "pydantic<2"},
	"pydantic-core":          {compiledCode, "serai's Model and dataclass, or pydantic<2, which is pure Python", ""},
	"pymqi":                  {driver, "a connection of the host", ""},
	"pymssql":                {driver, sql, ""},
	"pynacl":                 {compiledCode, cryptography, ""},
	"pyodbc":                 {driver, sql, ""},
	"pyrfc":                  {driver, "a connection of the host", ""},
	"python-rapidjson":       {compiledCode, "json of the standard library", ""},
	"pyzmq":                  {driver, "a connection of the host", ""},
	"regex":                  {compiledCode, "re of the standard library", ""},
	"rpds-py":                {compiledCode, "jsonschema<4.18, which does without it", ""},
	"scikit-learn":           {compiledCode, "a service that runs the model elsewhere, over REST", ""},
	"scipy":                  {compiledCode, "math and statistics of the standard library", ""},
	"tensorflow":             {compiledCode, "a service that runs the model elsewhere, over REST", ""},
	"torch":                  {compiledCode, "a service that runs the model elsewhere, over REST", ""},
	"ujson":                  {compiledCode, "json of the standard library", ""},
	"uvloop":                 {loops, "asyncio, whose tasks and timers work", ""},
	"watchfiles":             {"it watches files, and a service's never change", "serai dev", ""},
	"xmlsec":                 {compiledCode, "a SOAP connection of the host", ""},
	"zstandard":              {compiledCode, "zlib or gzip of the standard library", ""},
	"mysql-connector-python": {driver, sql, ""},
}

// fallbacks are packages whose compiled parts are only there for speed:
// without them their own pure Python takes over. Each is tested in the
// sandbox.
var fallbacks = map[string]bool{
	"charset-normalizer": true, "frozenlist": true,
	"markupsafe": true, "msgpack": true, "multidict": true, "propcache": true, "pyrsistent": true, "pyyaml": true,
	"rapidfuzz": true, "ruamel-yaml": true, "simplejson": true, "sqlalchemy": true, "wrapt": true, "yarl": true,
	"zope-interface": true,
}

// dispensable are packages that those who require them can do without, by
// normalised name.
var dispensable = map[string][]string{
	"greenlet":         {"sqlalchemy"}, // for its asyncio extension only
	"ruamel-yaml-clib": {"ruamel-yaml"},
}
