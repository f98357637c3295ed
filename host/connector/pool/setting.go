package pool

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// Setting is how a connection is configured, and what is opened by it: the
// connections of a [Pool] and the sources of channels. Both dial only what the
// connection may reach, and say nothing of its secrets.
type Setting struct {
	Record host.Connection
	digest []byte            // of the secrets
	values map[string]string // the secrets by name
	redact *redactor
}

// ReadSetting reads a connection and the secrets that it refers to. What it
// returns with an error is what it has read before.
func ReadSetting(ctx context.Context, source Source, tenant, name string) (s Setting, err error) {
	if s.Record, err = source.Connection(ctx, tenant, name); err != nil {
		return Setting{}, err
	}
	s.Record.Tenant, s.Record.Name = tenant, name
	s.values, s.redact = make(map[string]string), new(redactor)
	var secrets bytes.Buffer
	err = connector.EachSecret(s.Record.Config, func(name string) (string, error) {
		value, err := source.Secret(ctx, tenant, name)
		fmt.Fprintf(&secrets, "%d:%s", len(value), value)
		s.redact.hide(string(value))
		s.values[name] = string(value)
		return string(value), err
	})
	s.digest = digest(secrets.Bytes())
	return s, err
}

// Secret returns a secret that the configuration refers to.
func (s Setting) Secret(name string) (string, error) {
	if value, ok := s.values[name]; ok {
		return value, nil
	}
	return "", host.FieldErrorf("config", "the configuration does not refer to the secret %q", host.Clip(name))
}

// Env returns what may be used of the host. dir is where connectors keep
// files, with a folder for each tenant.
func (s Setting) Env(dir string, log *slog.Logger) (connector.Env, error) {
	allow, err := egress.ParseNetworks(s.Record.AllowNetworks)
	if err != nil {
		return connector.Env{}, err
	}
	return connector.Env{
		Tenant: s.Record.Tenant, Name: s.Record.Name,
		Dial: s.redact.dial(egress.NewDialer(egress.Policy{Allow: allow}).DialContext),
		Dir:  filepath.Join(dir, s.Record.Tenant),
		Log:  s.Logger(log).With(slog.String("tenant", s.Record.Tenant), slog.String("connection", s.Record.Name)),
	}, nil
}

// Logger returns a log that holds none of the secrets.
func (s Setting) Logger(log *slog.Logger) *slog.Logger {
	if s.redact == nil {
		return log
	}
	return slog.New(redactingHandler{log.Handler(), s.redact})
}

// Explain turns what went wrong into an error for authors of services: its
// message has no secret and no address that was dialled, its chain no secret.
func (s Setting) Explain(err error) *host.Error {
	return explain(nil, quote(s.Record.Name), s.redact, err)
}

// alike reports whether two connections are configured in the same way.
func (s Setting) alike(other Setting) bool {
	return s.Record.Type == other.Record.Type && bytes.Equal(s.Record.Config, other.Record.Config) &&
		slices.Equal(s.Record.AllowNetworks, other.Record.AllowNetworks) && bytes.Equal(s.digest, other.digest)
}
