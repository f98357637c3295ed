package connectortest

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Database is a database server of a test's own.
type Database struct {
	Port int
	CA   string // PEM, of the certificate for localhost that MariaDB has for who wants TLS

	t       testing.TB
	start   func() *Process
	ready   func() bool
	halt    syscall.Signal // asks it to end at once
	process *Process
}

// PostgreSQL starts a server on a free port of loopback and returns the port.
// Its superuser "test" needs no password. The server ends with the test.
func PostgreSQL(t testing.TB) int {
	t.Helper()
	return StartPostgreSQL(t, "").Port
}

// StartPostgreSQL starts a server whose superuser "test" has a password,
// unless it is "".
func StartPostgreSQL(t testing.TB, password string) *Database {
	t.Helper()
	bin := newest(t, "/usr/lib/postgresql/*/bin/postgres", "postgresql")
	dir, account := ownFolder(t)
	d := &Database{Port: freePort(t), t: t, halt: syscall.SIGINT}
	args := []string{"-D", dir + "/data", "-U", "test", "--auth=trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"}
	if password != "" {
		file := filepath.Join(dir, "password")
		if err := os.WriteFile(file, []byte(password), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--auth-host=scram-sha-256", "--pwfile="+file)
	}
	run(t, account, filepath.Join(filepath.Dir(bin), "initdb"), args...)
	d.start = func() *Process {
		return launch(t, account, "/", nil, bin, "-D", dir+"/data", "-h", "127.0.0.1", "-p", strconv.Itoa(d.Port), "-k", dir,
			"-c", "fsync=off", "-c", "shared_buffers=16MB")
	}
	d.ready = func() bool {
		return command(account, filepath.Join(filepath.Dir(bin), "pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(d.Port)).Run() == nil
	}
	d.Start()
	return d
}

// MariaDB starts a server like [PostgreSQL]; its user "root" has no password.
func MariaDB(t testing.TB) int {
	t.Helper()
	return StartMariaDB(t, "").Port
}

// StartMariaDB starts a server that has a user "test" with a password too,
// unless it is "".
func StartMariaDB(t testing.TB, password string) *Database {
	t.Helper()
	bin := newest(t, "/usr/sbin/mariadbd", "mariadb-server")
	dir, account := ownFolder(t)
	d := &Database{Port: freePort(t), t: t, halt: syscall.SIGTERM}
	run(t, account, "mariadb-install-db", "--no-defaults", "--datadir="+dir+"/data", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	var key string
	d.CA, key = certificate(t)
	for name, text := range map[string]string{"cert.pem": d.CA, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{
		"--no-defaults", "--ssl-cert=" + dir + "/cert.pem", "--ssl-key=" + dir + "/key.pem", "--datadir=" + dir + "/data", "--port=" + strconv.Itoa(d.Port), "--bind-address=127.0.0.1",
		"--socket=" + dir + "/s.sock", "--pid-file=" + dir + "/p.pid", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
		"--performance-schema=OFF", "--skip-name-resolve",
	}
	if password != "" {
		file := filepath.Join(dir, "init.sql")
		text := "CREATE USER IF NOT EXISTS test@'%' IDENTIFIED BY '" + password + "';\nGRANT ALL ON *.* TO test@'%';\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--init-file="+file)
	}
	d.start = func() *Process { return launch(t, account, "/", nil, bin, args...) }
	d.ready = func() bool { return listens(d.Port) }
	d.Start()
	return d
}

// Addr is the address of the server.
func (d *Database) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)) }

// Start starts the server again, with the data that it has.
func (d *Database) Start() {
	d.t.Helper()
	d.process = d.start()
	d.process.Await(d.t, d.ready)
}

// Stop stops the server.
func (d *Database) Stop() { d.process.stop(d.halt) }

// Freeze has the server do nothing until Thaw.
func (d *Database) Freeze() { d.process.family(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (d *Database) Thaw() { d.process.family(syscall.SIGCONT) }

// newest returns the last of the files that match, which Debian's package brings.
func newest(t testing.TB, pattern, pkg string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		Missing(t, pkg)
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// Missing ends a test that needs a server of a Debian package: it fails where
// everything has to be tested, and is skipped elsewhere.
func Missing(t testing.TB, pkg string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("the test needs the package %s: apt-get install %s", pkg, pkg)
	}
	t.Skipf("needs a server: apt-get install %s", pkg)
}

// ownFolder returns a folder for a server and, for root, the account that
// runs it: database servers refuse to run as root.
func ownFolder(t testing.TB) (string, *syscall.Credential) {
	t.Helper()
	dir, err := os.MkdirTemp("", "serai-server") //nolint:usetesting // t.TempDir is below folders that only root enters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Geteuid() != 0 {
		return dir, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return dir, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func command(account *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func run(t testing.TB, account *syscall.Credential, name string, args ...string) {
	t.Helper()
	if out, err := command(account, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// await waits until a server is ready.
func await(t testing.TB, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ready() {
			return
		}
	}
	t.Fatal("the server did not become ready within three minutes")
}

// listens reports whether a port takes connections.
func listens(port int) bool {
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
