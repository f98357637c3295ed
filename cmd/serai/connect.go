package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

const (
	defaultControl = "127.0.0.1:8183"
	// quickstartToken is where the quickstart's host keeps the operator's token.
	quickstartToken = "serai-data/operator.token" //nolint:gosec // where it is, not what it is
)

// target is what every client command takes.
type target struct {
	control, token, tokenFile, tenant, output string
}

func (t *target) register(fs *flag.FlagSet) {
	fs.StringVar(&t.control, "control", "", "`URL` of the control API; $SERAI_CONTROL, or http://"+defaultControl)
	fs.StringVar(&t.token, "token", "", "`TOKEN` of the operator or a tenant; $SERAI_TOKEN, or ./"+quickstartToken+" for the default URL")
	fs.StringVar(&t.tokenFile, "token-file", "", "`FILE` with the token")
	fs.StringVar(&t.tenant, "tenant", "", "`NAME` of the tenant; $SERAI_TENANT, or "+host.DefaultTenant)
	fs.Var((*formatValue)(&t.output), "output", formatUsage)
}

const formatUsage = "`FORMAT`: text or json (default text)"

// formatValue is the value of --output.
type formatValue string

func (v *formatValue) String() string { return string(*v) }

func (v *formatValue) Set(s string) error {
	if s != "json" && s != "text" {
		return errors.New("use text or json")
	}
	*v = formatValue(s)
	return nil
}

// tenantName returns the tenant that the flags and the environment mean.
func (t *target) tenantName(a *app) string {
	return cmp.Or(t.tenant, a.env("SERAI_TENANT"), host.DefaultTenant)
}

// client returns the client of the host that the flags and the environment mean.
func (t *target) client(a *app) (*client.Client, error) {
	url := cmp.Or(t.control, a.env("SERAI_CONTROL"), defaultControl)
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	isDefault := strings.TrimRight(url, "/") == "http://"+defaultControl
	token, err := t.findToken(a, isDefault)
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: url, Token: token})
}

func (t *target) findToken(a *app, isDefault bool) (string, error) {
	switch {
	case t.token != "" && t.tokenFile != "":
		return "", usagef("give --token or --token-file, not both")
	case t.token != "":
		return t.token, nil
	case t.tokenFile != "":
		return readToken(t.tokenFile)
	}
	if token := a.env("SERAI_TOKEN"); token != "" {
		return token, nil
	}
	if isDefault {
		token, err := readToken(quickstartToken)
		if !errors.Is(err, fs.ErrNotExist) {
			return token, err
		}
	}
	return "", nil
}

func readToken(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || len(token) > 256 || strings.ContainsAny(token, " \n\r\t") {
		return "", fmt.Errorf("reading the token: %s does not hold one", path)
	}
	return token, nil
}
