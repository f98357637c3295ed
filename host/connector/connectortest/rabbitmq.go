package connectortest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// rabbitmqServer is Debian's: the program in the PATH is a wrapper that runs
// for two users only.
const rabbitmqServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// RabbitMQ is a broker of a test's own. Its user is guest, with that password.
type RabbitMQ struct {
	Port, TLSPort int
	// CA signed the broker's certificate for localhost, and Cert, by which the
	// user "client" may log in once there is one. All are PEM.
	CA, Cert, Key string

	t       testing.TB
	dir     string
	env     []string
	process *Process
}

// StartRabbitMQ starts a broker, which takes some seconds. It ends with the test.
func StartRabbitMQ(t testing.TB) *RabbitMQ {
	t.Helper()
	newest(t, rabbitmqServer, "rabbitmq-server")
	dir := t.TempDir()
	r := &RabbitMQ{Port: freePort(t), t: t, dir: dir}
	epmd, dist := freePort(t), freePort(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("enabled_plugins", "[rabbitmq_auth_mechanism_ssl].\n")
	cert, key := certificate(t)
	r.TLSPort, r.CA = freePort(t), cert
	r.Cert, r.Key = ClientCertificate(t, cert, key, "client")
	write("cert.pem", cert)
	write("key.pem", key)
	write("rabbitmq.conf", fmt.Sprintf(`listeners.tcp.1 = 127.0.0.1:%d
listeners.ssl.1 = 127.0.0.1:%d
ssl_options.certfile = %[3]s/cert.pem
ssl_options.keyfile = %[3]s/key.pem
ssl_options.cacertfile = %[3]s/cert.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
log.console = true
log.file = false
`, r.Port, r.TLSPort, dir))
	r.env = []string{
		"HOME=" + dir, fmt.Sprintf("RABBITMQ_NODENAME=test%d@localhost", r.Port),
		"RABBITMQ_CONFIG_FILE=" + filepath.Join(dir, "rabbitmq"), "RABBITMQ_MNESIA_BASE=" + filepath.Join(dir, "mnesia"),
		"RABBITMQ_LOG_BASE=" + filepath.Join(dir, "log"), "RABBITMQ_PID_FILE=" + filepath.Join(dir, "pid"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(dir, "enabled_plugins"),
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", dist), fmt.Sprintf("ERL_EPMD_PORT=%d", epmd), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
	}
	// The broker would start one that outlives it.
	Launch(t, dir, nil, "epmd", "-port", strconv.Itoa(epmd), "-address", "127.0.0.1")
	r.Start()
	return r
}

// Addr is the address of the broker.
func (r *RabbitMQ) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port)) }

// Start starts the broker again, with what it has on disk.
func (r *RabbitMQ) Start() {
	r.t.Helper()
	r.process = Launch(r.t, r.dir, r.env, rabbitmqServer)
	r.process.Await(r.t, r.greets)
}

// greets reports whether the broker answers the protocol's first bytes.
func (r *RabbitMQ) greets() bool {
	conn, err := net.DialTimeout("tcp", r.Addr(), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return false
	}
	n, err := conn.Read(make([]byte, 1))
	return n == 1 && err == nil
}

// Stop stops the broker.
func (r *RabbitMQ) Stop() { r.process.Stop() }

// Kill ends the broker as kill -9 does.
func (r *RabbitMQ) Kill() { r.process.Kill() }

// Freeze has the broker do nothing until Thaw.
func (r *RabbitMQ) Freeze() { r.process.Freeze() }

// Thaw ends Freeze.
func (r *RabbitMQ) Thaw() { r.process.Signal(syscall.SIGCONT) }

// AddUser adds a user who may do everything.
func (r *RabbitMQ) AddUser(name, password string) {
	r.t.Helper()
	// In one step, since each starts a virtual machine.
	r.Control("eval", fmt.Sprintf(`ok = rabbit_auth_backend_internal:add_user(<<%[1]q>>, <<%[2]q>>, <<"test">>),
		ok = rabbit_auth_backend_internal:set_permissions(<<%[1]q>>, <<"/">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).`, name, password))
}

// Control has rabbitmqctl do something, which takes a second or two.
func (r *RabbitMQ) Control(args ...string) {
	r.t.Helper()
	cmd := exec.Command("/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"-q"}, args...)...)
	cmd.Env = append(os.Environ(), r.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("rabbitmqctl %s: %v\n%s", args[0], err, out)
	}
}
