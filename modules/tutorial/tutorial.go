// Package tutorial holds the bank of the tutorial: its services, and the
// documents that set them up. `serai quickstart` applies them.
//
// The tenant default offers the service api.user.get-details at /api/v1/user
// and api.my-service at /tutorial/api/get-user-details. They ask a CRM, a
// payments system and a database; the first two are services of another
// tenant, which they reach over HTTP and through connections, as they would
// reach systems elsewhere.
package tutorial

import (
	"context"
	"embed"
	"fmt"
	"path"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

//go:embed bank.yaml systems.yaml bank/*.py systems/*.py payments/payments.wasm
var files embed.FS

// Names that occur in the setup.
const (
	Tenant        = host.DefaultTenant // of the bank
	SystemsTenant = "systems"          // of the CRM and the payments system
	Username      = "api"
	UserPath      = "/api/v1/user"
	MyPath        = "/tutorial/api/get-user-details"
)

// Options are what differs from host to host.
type Options struct {
	// Gateway is the address of the host's own gateway, "127.0.0.1:17010".
	Gateway string
	// Password of the user api.
	Password string
	// Key of the clients of api.my-service.
	Key string
	// PaymentsKey is the key with which the bank authenticates to the
	// payments system; any random text.
	PaymentsKey string
	// OneTenant is for a host that has the tenant default only.
	OneTenant bool
}

// Setup is what there is to set up for a tenant.
type Setup struct {
	Tenant   string
	Document *config.Document
	// Uploads are the contents of the document's services, by their index.
	Uploads map[int]client.Upload
	// Invoke are services to invoke once the document is applied.
	Invoke []string
}

// Setups returns what the tutorial needs, the systems first.
func Setups(o Options) ([]Setup, error) {
	systems := Setup{Tenant: SystemsTenant}
	if o.OneTenant {
		systems.Tenant = Tenant
	}
	bank := Setup{Tenant: Tenant, Invoke: []string{"billing.set-up"}}
	if err := systems.read("systems.yaml", o); err != nil {
		return nil, err
	}
	if err := bank.read("bank.yaml", o); err != nil {
		return nil, err
	}
	return []Setup{systems, bank}, nil
}

// contentTypes are those of the services' files.
var contentTypes = map[string]string{".py": host.TypePython, ".wasm": host.TypeWASM}

// read reads a document and what it brings along.
func (s *Setup) read(name string, o Options) error {
	values := map[string]string{
		"GATEWAY": o.Gateway, "API_PASSWORD": o.Password, "API_KEY": o.Key, "PAYMENTS_KEY": o.PaymentsKey,
	}
	text, err := files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("reading the tutorial: %w", err)
	}
	s.Document, _, err = config.Parse(name, text, func(name string) (string, bool) {
		value := values[name]
		return value, value != ""
	})
	if err != nil {
		return fmt.Errorf("reading the tutorial: %w", err)
	}
	s.Uploads = make(map[int]client.Upload, len(s.Document.Services))
	for i, service := range s.Document.Services {
		content, err := files.ReadFile(service.Path)
		if err != nil {
			return fmt.Errorf("reading the tutorial: %w", err)
		}
		s.Uploads[i] = client.Upload{
			FileName: path.Base(service.Path), ContentType: contentTypes[path.Ext(service.Path)], Content: content,
		}
	}
	return nil
}

// SetUp sets the tutorial up on a new host.
func SetUp(ctx context.Context, c *client.Client, o Options) error {
	setups, err := Setups(o)
	if err != nil {
		return err
	}
	for _, s := range setups {
		if s.Tenant != Tenant {
			if _, err := c.CreateTenant(ctx, s.Tenant, nil); err != nil {
				return fmt.Errorf("creating the tutorial's tenant: %w", err)
			}
		}
		if _, err := s.Apply(ctx, c); err != nil {
			return fmt.Errorf("setting up the tutorial: %w", err)
		}
	}
	return nil
}

// Without returns the setup without the services for which leave says so.
func (s Setup) Without(leave func(service config.Service, up client.Upload) bool) Setup {
	document := *s.Document
	document.Services = nil
	out := Setup{Tenant: s.Tenant, Document: &document, Uploads: map[int]client.Upload{}, Invoke: s.Invoke}
	for i, service := range s.Document.Services {
		if up := s.Uploads[i]; !leave(service, up) {
			out.Uploads[len(document.Services)] = up
			document.Services = append(document.Services, service)
		}
	}
	return out
}

// Apply applies the setup to its tenant, which must exist.
func (s Setup) Apply(ctx context.Context, c *client.Client) (*config.Plan, error) {
	plan, err := c.Apply(ctx, s.Tenant, s.Document, s.Uploads, client.Apply{})
	if err != nil {
		return nil, err
	}
	for _, service := range s.Invoke {
		if _, err := c.Invoke(ctx, s.Tenant, service, "application/json", []byte("{}")); err != nil {
			return nil, fmt.Errorf("invoking %s: %w", service, err)
		}
	}
	return plan, nil
}

// Curl returns command lines that call the bank's services, to be printed.
func Curl(o Options) []string {
	url := "http://" + o.Gateway
	return []string{
		fmt.Sprintf(`curl -u %s:%s -d '{"user_name":"my.user"}' %s`, Username, o.Password, url+UserPath),
		fmt.Sprintf(`curl -H 'X-API-Key: %s' '%s?name=my.user'`, o.Key, url+MyPath),
	}
}
