package host_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/seraihost/serai/"

// users says which folders may import a package from outside, and why no others.
var users = []struct {
	pkg    string
	by     []string
	reason string
}{
	{"github.com/bytecodealliance/wasmtime-go", []string{"host/engine/wasmtime"}, "an engine can be replaced as long as one package knows it"},
	{"github.com/tetratelabs/wazero", []string{"host/engine/wazero", "host/engine/extism"}, "an engine can be replaced as long as one package knows it; Extism's SDK runs on wazero"},
	{"github.com/extism/go-sdk", []string{"host/engine/extism"}, "plugins of others come through one door"},
	{"github.com/gofiber/fiber", []string{"host/gateway", "host/control", "host/console", "bench"}, "its contexts must not leave the edge, since it reuses their buffers; bench measures it as a peer"},
	{"github.com/valyala/fasthttp", []string{"host/gateway"}, "it is Fiber's server, tuned where the gateway listens"},
	{"github.com/dgraph-io/badger", []string{"storage/badger"}, "a store is behind host.Store"},
	{"github.com/nats-io", []string{"host/pubsub", "host/cluster", "storage/jetstream"}, "messaging is behind host.Queue and host.Store"},
	{"github.com/rabbitmq/amqp091-go", []string{"host/connector/amqp", "bench"}, "a connector is the only one that knows its system's library; bench measures it as a peer"},
	{"github.com/prometheus", []string{"host/telemetry", "host/control", "host/gateway"}, "others report through telemetry"},
	{"go.opentelemetry.io", []string{"host/tracing"}, "traces are made around the host's parts, which know nothing of them"},
	{"github.com/fsnotify/fsnotify", []string{"cmd/serai"}, "only serai dev watches files"},
	{"github.com/redis/go-redis", []string{"host/connector/redisdb", "bench"}, "a driver is behind its connector; bench measures it as a peer"},
	{"github.com/jackc/pgx", []string{"host/connector/sqldb", "bench"}, "a driver is behind its connector; bench measures it as a peer"},
	{"github.com/go-sql-driver/mysql", []string{"host/connector/sqldb"}, "a driver is behind its connector"},
	{"github.com/microsoft/go-mssqldb", []string{"host/connector/sqldb"}, "a driver is behind its connector"},
	{"github.com/sijms/go-ora", []string{"host/connector/sqldb"}, "a driver is behind its connector"},
	{"modernc.org/sqlite", []string{"host/connector/sqldb"}, "a driver is behind its connector"},
	{"go.yaml.in/yaml", []string{"host/config"}, "documents are read in one place, strictly"},
	{"github.com/getkin/kin-openapi", nil, "tests only: the document is served as it is"},
	{"github.com/google/go-cmp", []string{"host/connector/connectortest", "host/engine/enginetest", "storage/storagetest"}, "it panics where values cannot be compared, so it is for tests"},
	{"golang.org/x/crypto", []string{"host/security"}, "cryptography is chosen in one place"},
	{"net/http/pprof", nil, "it would register itself where clients reach it"},
	{"C", []string{"host/engine/wasmtime"}, "all else builds without a C compiler"},
}

// layers says what a folder and those below it may import of this module.
var layers = []struct {
	dir    string
	may    []string
	reason string
}{
	{"abi", nil, "the contract stands on nothing: guests compile it in"},
	{"guest-sdk/go", []string{"abi"}, "it is compiled into guests"},
	{"host", []string{"abi"}, "the domain knows no technology"},
	{"host/fair", nil, "an algorithm knows no domain"},
	{"host/problem", []string{"abi", "host"}, "one mapping of errors, usable at every edge"},
	{"host/security", []string{"host"}, "secrets are handled far from everything else"},
	{"host/telemetry", []string{"abi", "host"}, "everything reports to it, so it can know nobody"},
	{"host/blob", []string{"abi", "host"}, "a file store"},
	{"host/catalog", []string{"abi", "host", "host/security"}, "what is configured, over any store"},
	{"host/config", []string{"host"}, "a document is read the same by the client and the host"},
	{"host/pubsub", []string{"abi", "host", "storage/disk"}, "a queue like any other behind host.Queue"},
	{"host/async", []string{"abi", "host", "host/connector", "host/telemetry"}, "it makes calls through host.Invoker over any host.Queues and host.Store"},
	{"host/inbound", []string{"abi", "host", "host/connector", "host/telemetry"}, "it knows sources by their specs only, and services as host.Invoker"},
	{"host/connector", []string{"abi", "host"}, "what a connector author imports must not change when the host does"},
	{"host/connector/pool", []string{"abi", "host", "host/connector"}, "it knows connectors by their specs only"},
	{"host/connector/standard", []string{"abi", "host", "host/connector"}, "the one list of the connectors that are linked"},
	{"host/tracing", []string{"abi", "host", "host/connector"}, "it stands around calls and operations, and knows no more of them"},
	{"host/connector/connectortest", []string{"abi", "host", "host/config", "host/connector", "host/inbound", "host/telemetry", "host/tracing"}, "it tests connectors as the pool uses them, and their configurations as documents have them, and sources as channels do"},
	{"host/connector/batch", nil, "it is about sockets only"},
	{"host/connector/egress", []string{"abi", "host"}, "the policy of addresses holds for every connector"},
	{"host/engine", []string{"abi", "host", "host/engine", "host/fair"}, "an engine runs modules and knows no service, tenant or connector"},
	{"host/rehearsal", []string{"abi", "host", "host/connector", "host/telemetry"}, "it takes part in a host from outside, as any embedder could"},
	{"host/guest", []string{"abi", "host", "host/connector", "host/engine"}, "the host functions reach systems through operations only"},
	{"host/gateway", []string{"abi", "host", "host/gateway", "host/problem", "host/security"}, "the public edge knows services as host.Invoker"},
	{"host/control/client", []string{"abi", "host", "host/config", "host/problem", "host/telemetry"}, "clients know the API, not the host behind it"},
	{"storage", []string{"abi", "host", "storage"}, "a store knows keys and values"},
}

// TestImports holds imports to the direction that the design gives them.
func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for _, spec := range f.ast.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, isOwn := strings.CutPrefix(name, module)
			if !isOwn {
				checkForeign(t, f, name)
				continue
			}
			checkOwn(t, f, own)
		}
	}
}

func checkForeign(t *testing.T, f file, name string) {
	t.Helper()
	if (f.dir == "abi" || f.dir == "host") && strings.Contains(strings.SplitN(name, "/", 2)[0], ".") {
		t.Errorf("%s imports %s: abi and host import the standard library only, so that everything can import them", f.path, name)
	}
	for _, r := range users {
		if name == r.pkg || strings.HasPrefix(name, r.pkg+"/") {
			if !slices.ContainsFunc(r.by, func(dir string) bool { return below(f.dir, dir) }) {
				t.Errorf("%s imports %s: %s", f.path, name, r.reason)
			}
		}
	}
}

func checkOwn(t *testing.T, f file, own string) {
	t.Helper()
	program, _, internal := strings.Cut(own, "/internal/")
	if (below(own, "cmd") || below(own, "bench")) && !(internal && below(f.dir, program)) || strings.HasPrefix(own, "host/rules") {
		t.Errorf("%s imports %s: programs are not libraries", f.path, own)
	}
	if below(own, "host/server") && !below(f.dir, "cmd") && !below(f.dir, "host/hosttest") && !below(f.dir, "bench") && !below(f.dir, "docs") && !below(f.dir, "host/server") {
		t.Errorf("%s imports %s: the composition root puts parts together, no part knows the whole", f.path, own)
	}
	if connector, system := connectorOf(f.dir); connector && own != f.dir {
		if other, name := connectorOf(own); other && name != system && name != "egress" && name != "batch" && name != "jsonraw" && name != "connectortest" && system != "pool" && system != "standard" && system != "connectortest" {
			t.Errorf("%s imports %s: connectors know host/connector, not each other", f.path, own)
		}
	}
	best := -1
	for i, l := range layers {
		// host itself is a layer, the folders below it are others.
		if f.dir == l.dir || l.dir != "host" && below(f.dir, l.dir) {
			if best < 0 || len(l.dir) > len(layers[best].dir) {
				best = i
			}
		}
	}
	if best < 0 {
		return
	}
	l := layers[best]
	allowed := func(dir string) bool {
		if dir == "host" {
			return own == "host"
		}
		return below(own, dir)
	}
	if !below(own, l.dir) && !slices.ContainsFunc(l.may, allowed) || l.dir == "host" && own != "abi" {
		t.Errorf("%s imports %s: %s", f.path, own, l.reason)
	}
}

// connectorOf says whether dir belongs to a connector, and to which.
func connectorOf(dir string) (bool, string) {
	rest, ok := strings.CutPrefix(dir, "host/connector/")
	if !ok {
		return false, ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return true, name
}

// TestPackageDocs wants every package described, once.
func TestPackageDocs(t *testing.T) {
	docs := map[string][]string{}
	for _, f := range goFiles(t) {
		if f.test || f.ast.Name.Name == "main" && below(f.dir, "modules") || strings.Contains(f.path, "/testdata/") {
			continue
		}
		docs[f.dir] = append(docs[f.dir], "")
		if f.ast.Doc == nil {
			continue
		}
		text := f.ast.Doc.Text()
		docs[f.dir][len(docs[f.dir])-1] = text
		want := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			want = "Command " + path.Base(f.dir) + " "
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("%s: the package's documentation begins with %q", f.path, want)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(docs)) {
		n := len(docs[dir]) - countEmpty(docs[dir])
		if n != 1 {
			t.Errorf("%s: %d files describe the package, want 1", dir, n)
		}
	}
}

func countEmpty(all []string) (n int) {
	for _, s := range all {
		if s == "" {
			n++
		}
	}
	return n
}

// file is a parsed Go file.
type file struct {
	path string // from the root of the repository, with slashes
	dir  string
	test bool
	ast  *ast.File
}

// goFiles returns all Go files, whatever they are built for.
func goFiles(t *testing.T) []file {
	t.Helper()
	var all []file
	set := token.NewFileSet()
	walk(t, func(name string, _ []byte) {
		if path.Ext(name) != ".go" {
			return
		}
		tree, err := parser.ParseFile(set, filepath.Join("..", name), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		all = append(all, file{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), ast: tree})
	})
	if len(all) < 10 {
		t.Fatalf("there are %d Go files only", len(all))
	}
	return all
}

// walk calls visit for every text file of the repository.
func walk(t *testing.T, visit func(name string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(p, ".."), string(filepath.Separator)))
		if d.IsDir() {
			if base := d.Name(); base == ".git" || base == ".pytest_cache" || base == "serai-data" || base == "__pycache__" || base == "build" || base == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > 4<<20 || name == ".git" { // a file in a linked work tree
			return err
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return fmt.Errorf("reading a file of the repository: %w", err)
		}
		if !slices.Contains(content, 0) {
			visit(name, content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// below says whether dir is root or a folder in it.
func below(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }
