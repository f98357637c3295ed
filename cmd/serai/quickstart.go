package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/server"
	"github.com/seraihost/serai/modules/tutorial"
)

func quickstartCommand() *command {
	return &command{
		name: "quickstart", short: "run a host with the tutorial on this machine",
		long: `Starts a host, deploys the tutorial if it is not there yet, prints commands
to try, and goes on until SIGINT or SIGTERM. The next start finds all as it was.`,
		setup: func(fs *flag.FlagSet) runner {
			var f serveFlags
			f.register(fs)
			fs.Lookup("log-level").DefValue = "warn"
			f.level = "warn"
			return func(ctx context.Context, a *app, _ []string) error {
				c, err := f.config(a.stderr, a.env)
				if err != nil {
					return err
				}
				return runHost(ctx, c, func(ctx context.Context, s *server.Server) error {
					return a.welcome(ctx, c, s)
				})
			}
		},
	}
}

// welcome deploys the tutorial and prints how to call it.
func (a *app) welcome(ctx context.Context, c server.Config, s *server.Server) error {
	t, err := openTutorial(filepath.Join(c.DataDir, "tutorial.json"))
	if err != nil {
		return err
	}
	cl, err := client.New(client.Config{URL: "http://" + s.ControlAddr(), Token: s.OperatorToken()})
	if err != nil {
		return err
	}
	defer cl.Close()
	about, err := cl.Version(ctx)
	if err != nil {
		return err
	}
	o := tutorial.Options{
		Gateway: reachable(s.GatewayAddr()), Password: t.Password, Key: t.Key, PaymentsKey: t.PaymentsKey,
		OneTenant: about.Engine == "wazero",
	}
	setups, err := tutorial.Setups(o)
	if err != nil {
		return err
	}
	for _, v := range setups {
		if err := t.setUp(ctx, cl, v); err != nil {
			return fmt.Errorf("setting up the tutorial: %w", err)
		}
	}
	if err := t.save(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Serai is ready: gateway http://%s, control API http://%s\n\n", o.Gateway, s.ControlAddr())
	fmt.Fprint(a.stdout, "Call the tutorial's services:\n\n")
	for _, line := range tutorial.Curl(o) {
		fmt.Fprintf(a.stdout, "  %s\n", line)
	}
	fmt.Fprint(a.stdout, "\nSee what runs, follow the log, and write a service of your own, in another terminal:\n\n")
	token := filepath.Join(c.DataDir, "operator.token")
	if s.ControlAddr() != defaultControl || filepath.Clean(token) != filepath.Clean(quickstartToken) {
		fmt.Fprintf(a.stdout, "  export SERAI_CONTROL=http://%s SERAI_TOKEN=$(cat %s)\n", s.ControlAddr(), quoted(token))
	}
	for _, words := range []string{"services", "logs --follow", "new python hello", "dev hello"} {
		fmt.Fprintf(a.stdout, "  %s %s\n", program(), words)
	}
	_, err = fmt.Fprintf(a.stdout, "\nCtrl-C ends it; everything is kept in %s\n", c.DataDir)
	return err
}

// program is how this program was started, as far as a user can repeat it.
func program() string {
	if name := filepath.Base(os.Args[0]); name == "serai" && !strings.Contains(os.Args[0], "go-build") {
		return os.Args[0]
	}
	return "go run ./cmd/serai"
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$`\\&|;()<>*?[]{}~#!") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// reachable replaces an address that means every one of the machine's by its
// own loopback address.
func reachable(addr string) string {
	h, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(h); err == nil && (h == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}
