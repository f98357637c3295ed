package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
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
				c, err := f.config(a.stderr)
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
	secrets, fresh, err := tutorialSecrets(filepath.Join(c.DataDir, "tutorial.json"))
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
	o := tutorial.Options{Gateway: reachable(s.GatewayAddr()), Password: secrets.Password, PaymentsKey: secrets.PaymentsKey}
	for _, v := range tutorial.Setups(o) {
		if about.Engine == "wazero" {
			inOneTenant(&v) // such a host has no second one
		}
		if err := setUp(ctx, cl, v, fresh); err != nil {
			return fmt.Errorf("setting up the tutorial: %w", err)
		}
	}
	token := filepath.Join(c.DataDir, "operator.token")
	fmt.Fprintf(a.stdout, "Serai is ready: gateway http://%s, control API http://%s\n\n", o.Gateway, s.ControlAddr())
	fmt.Fprintf(a.stdout, "Call the tutorial's service:\n\n")
	for _, line := range tutorial.Curl(o) {
		fmt.Fprintf(a.stdout, "  %s\n", line)
	}
	fmt.Fprintf(a.stdout, "\nSee what runs and what it logs, in another terminal:\n\n")
	at := ""
	if s.ControlAddr() != defaultControl || filepath.Clean(token) != filepath.Clean(quickstartToken) {
		at = fmt.Sprintf(" --control http://%s --token-file %s", s.ControlAddr(), quoted(token))
	}
	for _, words := range []string{"services", "logs --follow", "new python hello", "deploy hello --route 'GET /hello'"} {
		fmt.Fprintf(a.stdout, "  %s %s%s\n", program(), words, at)
	}
	fmt.Fprint(a.stdout, "\nCtrl-C ends it; everything is kept in ", c.DataDir, "\n")
	return nil
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

// inOneTenant moves a setup into the default tenant.
func inOneTenant(v *tutorial.Setup) { v.Tenant = host.DefaultTenant }

// setUp creates what a tenant of the tutorial needs and is not there yet.
func setUp(ctx context.Context, c *client.Client, v tutorial.Setup, fresh bool) error {
	if _, err := c.Tenant(ctx, v.Tenant); isNotFound(err) {
		if _, err := c.CreateTenant(ctx, v.Tenant, nil); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(v.Secrets)) {
		if err := c.SetSecret(ctx, v.Tenant, name, []byte(v.Secrets[name])); err != nil {
			return err
		}
	}
	for _, d := range v.Auths {
		if _, err := c.Auth(ctx, v.Tenant, d.Name); err == nil && !fresh {
			continue
		}
		in := client.Auth{Type: d.Type, Username: d.Username, Realm: d.Realm, Header: d.Header}
		if d.Type == host.AuthAPIKey {
			in.Key = d.Secret
		} else {
			in.Password = d.Secret
		}
		if err := c.PutAuth(ctx, v.Tenant, d.Name, in); err != nil {
			return err
		}
	}
	for _, n := range v.Connections {
		in := client.Connection{Type: n.Type, Config: n.Config, AllowNetworks: n.AllowNetworks}
		if _, err := c.PutConnection(ctx, v.Tenant, n.Name, in); err != nil {
			return err
		}
	}
	for _, d := range v.Services {
		if err := setUpService(ctx, c, v.Tenant, d); err != nil {
			return err
		}
	}
	return nil
}

// setUpService deploys a service unless it runs with this content and these settings.
func setUpService(ctx context.Context, c *client.Client, tenant string, d tutorial.Deployment) error {
	versions, err := c.Versions(ctx, tenant, d.Name)
	if err != nil && !isNotFound(err) {
		return err
	}
	sum := sha256.Sum256(d.Content)
	source := hex.EncodeToString(sum[:])
	for _, v := range versions {
		if v.Running && strings.TrimPrefix(v.Source, "sha256:") == source && reflect.DeepEqual(v.Settings, d.Settings) {
			return nil
		}
	}
	up := client.Upload{FileName: d.FileName, ContentType: d.ContentType, Content: d.Content}
	_, err = c.Deploy(ctx, tenant, d.Name, up, client.All(d.Settings))
	return err
}

func isNotFound(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code == abi.NotFound.String()
}

// tutorialState is what the tutorial draws once and keeps.
type tutorialState struct {
	Password    string `json:"password"`
	PaymentsKey string `json:"payments_key"`
}

// tutorialSecrets reads the state, or draws and stores it.
func tutorialSecrets(path string) (s tutorialState, fresh bool, err error) {
	b, err := os.ReadFile(path) //nolint:gosec // in the data directory
	if err == nil && json.Unmarshal(b, &s) == nil && s.Password != "" && s.PaymentsKey != "" {
		return s, false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, false, fmt.Errorf("reading the tutorial's password: %w", err)
	}
	s = tutorialState{Password: rand.Text()[:16], PaymentsKey: rand.Text()}
	b, err = json.Marshal(s)
	if err == nil {
		err = os.WriteFile(path, append(b, '\n'), 0o600)
	}
	if err != nil {
		return s, false, fmt.Errorf("storing the tutorial's password: %w", err)
	}
	return s, true, nil
}
