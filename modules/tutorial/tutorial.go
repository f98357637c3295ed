// Package tutorial holds the bank of the tutorial: its services, and as data
// what has to be set up around them. `serai quickstart` deploys it.
//
// The tenant default offers the service api.user.get-details at
// POST /api/v1/user. It asks a CRM and a payments system, which are services
// of another tenant, over HTTP and through connections, as it would ask
// systems elsewhere.
package tutorial

import (
	_ "embed" // the services
	"encoding/json"
	"fmt"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/httpclient"
)

//go:embed bank/service.py
var bankPy []byte

//go:embed crm/service.py
var crmPy []byte

//go:embed payments/payments.wasm
var paymentsWasm []byte

// Names that occur in the setup.
const (
	Tenant        = host.DefaultTenant // of the bank
	SystemsTenant = "systems"          // of the CRM and the payments system
	Service       = "api.user.get-details"
	Auth          = "API Credentials"
	Username      = "api"
	Path          = "/api/v1/user"
)

// Content types of services, those that the control API takes.
const (
	typePython = "text/x-python"
	typeWasm   = "application/wasm"
)

// Options are what differs from host to host.
type Options struct {
	// Gateway is the address of the host's own gateway, "127.0.0.1:17010".
	Gateway string
	// Password of the user api.
	Password string
	// PaymentsKey is the key with which the bank authenticates to the
	// payments system; any random text.
	PaymentsKey string
}

// Setup is what there is to create for a tenant, in the order of the fields.
type Setup struct {
	Tenant      string
	Secrets     map[string]string
	Auths       []Credential
	Connections []host.Connection
	Services    []Deployment
}

// Credential is a security definition and its password or key in clear.
type Credential struct {
	host.AuthDefinition
	Secret string
}

// Deployment is a service to deploy.
type Deployment struct {
	Name        string
	FileName    string
	ContentType string
	Content     []byte
	Settings    host.Settings
}

// Setups returns what the tutorial needs, the systems first.
func Setups(o Options) []Setup { return []Setup{systems(o), bank(o)} }

func systems(o Options) Setup {
	const key = "Payments Key"
	return Setup{
		Tenant: SystemsTenant,
		Auths: []Credential{{
			AuthDefinition: host.AuthDefinition{Tenant: SystemsTenant, Name: key, Type: host.AuthAPIKey, Header: "X-API-Key"},
			Secret:         o.PaymentsKey,
		}},
		Services: []Deployment{
			{
				Name: "crm.get-user", FileName: "service.py", ContentType: typePython, Content: crmPy,
				Settings: settings(host.Route{Method: "GET", Path: "/crm/get-user"}),
			},
			{
				Name: "payments.get-balance", FileName: "payments.wasm", ContentType: typeWasm, Content: paymentsWasm,
				Settings: settings(host.Route{Method: "POST", Path: "/payments/balance/get", Auth: key}),
			},
		},
	}
}

func bank(o Options) Setup {
	s := settings(host.Route{Method: "POST", Path: Path, Auth: Auth})
	s.Grants.Connections = []string{"CRM", "Payments"}
	base := "http://" + o.Gateway
	return Setup{
		Tenant:  Tenant,
		Secrets: map[string]string{"payments.key": o.PaymentsKey},
		Auths: []Credential{{
			AuthDefinition: host.AuthDefinition{Tenant: Tenant, Name: Auth, Type: host.AuthBasic, Username: Username, Realm: "API"},
			Secret:         o.Password,
		}},
		Connections: []host.Connection{
			connection("CRM", httpclient.Config{BaseURL: base + "/crm/get-user", Timeout: timeout}),
			connection("Payments", httpclient.Config{
				BaseURL: base + "/payments/balance/get", Timeout: timeout,
				Auth: httpclient.Auth{Type: "header", Header: "X-API-Key", Value: "${secret:payments.key}"},
			}),
		},
		Services: []Deployment{{
			Name: Service, FileName: "service.py", ContentType: typePython, Content: bankPy, Settings: s,
		}},
	}
}

func settings(r host.Route) host.Settings {
	return host.Settings{Routes: []host.Route{r}, Isolation: host.Pristine, Limits: host.DefaultLimits()}
}

const timeout = host.Duration(5 * time.Second)

// connection may reach this machine itself, where the tutorial's systems are.
func connection(name string, config httpclient.Config) host.Connection {
	raw, err := json.Marshal(config)
	if err != nil {
		panic(fmt.Sprintf("tutorial: connection %s: %v", name, err)) // it holds nothing but text and numbers
	}
	return host.Connection{
		Tenant: Tenant, Name: name, Type: httpclient.Type, Config: raw,
		AllowNetworks: []string{"127.0.0.0/8", "::1/128"},
	}
}

// Curl returns command lines that call the bank's service, to be printed.
func Curl(o Options) []string {
	url := "http://" + o.Gateway + Path
	return []string{
		fmt.Sprintf(`curl -u %s:%s -d '{"user_name":"my.user"}' %s`, Username, o.Password, url),
		fmt.Sprintf(`curl -i -d '{"user_name":"my.user"}' %s   # refused without credentials`, url),
	}
}
