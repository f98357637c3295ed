package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/modules/tutorial"
)

// tutorialState is what the quickstart draws once and keeps, so that the
// commands it prints stay the same, and what it deployed.
type tutorialState struct {
	path        string
	fresh       bool   // just drawn: security definitions are to be replaced
	Password    string `json:"password"`
	PaymentsKey string `json:"payments_key"`
	// Deployed maps "tenant/service" to what was deployed.
	Deployed map[string]deployed `json:"deployed"`
}

type deployed struct {
	Upload  string `json:"upload"`  // digest of content and settings
	Version string `json:"version"` // that it became
}

// openTutorial reads the state from a file, or draws and stores it.
func openTutorial(path string) (*tutorialState, error) {
	s := &tutorialState{path: path}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the tutorial's state: %w", err)
	}
	if err != nil || json.Unmarshal(b, s) != nil || s.Password == "" || s.PaymentsKey == "" {
		s.fresh, s.Password, s.PaymentsKey = true, rand.Text()[:16], rand.Text()
	}
	if s.Deployed == nil {
		s.Deployed = map[string]deployed{}
	}
	return s, s.save()
}

// save replaces the file, readable for its owner only.
func (s *tutorialState) save() error {
	b, err := json.Marshal(s)
	tmp := s.path + ".new"
	if err == nil {
		err = os.WriteFile(tmp, append(b, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(tmp, s.path)
	}
	if err != nil {
		return fmt.Errorf("storing the tutorial's state: %w", err)
	}
	return nil
}

// setUp creates what a tenant of the tutorial needs and is not there yet.
func (s *tutorialState) setUp(ctx context.Context, c *client.Client, v tutorial.Setup) error {
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
		if err := s.setUpAuth(ctx, c, v.Tenant, d); err != nil {
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
		if err := s.setUpService(ctx, c, v.Tenant, d); err != nil {
			return err
		}
	}
	return nil
}

// setUpAuth creates a security definition. One that is there already holds
// the password of an earlier start, unless that was lost.
func (s *tutorialState) setUpAuth(ctx context.Context, c *client.Client, tenant string, d tutorial.Credential) error {
	_, err := c.Auth(ctx, tenant, d.Name)
	if err == nil && !s.fresh {
		return nil
	}
	if err != nil && !isNotFound(err) {
		return err
	}
	in := client.Auth{Type: d.Type, Username: d.Username, Realm: d.Realm, Header: d.Header}
	if d.Type == host.AuthAPIKey {
		in.Key = d.Secret
	} else {
		in.Password = d.Secret
	}
	return c.PutAuth(ctx, tenant, d.Name, in)
}

// setUpService deploys a service unless it runs with this content and these
// settings already.
func (s *tutorialState) setUpService(ctx context.Context, c *client.Client, tenant string, d tutorial.Deployment) error {
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return fmt.Errorf("encoding settings: %w", err)
	}
	sum := sha256.Sum256(append(settings, d.Content...))
	place, upload := tenant+"/"+d.Name, hex.EncodeToString(sum[:])
	now, err := c.Service(ctx, tenant, d.Name)
	if err != nil && !isNotFound(err) {
		return err
	}
	if err == nil && s.Deployed[place] == (deployed{upload, now.Running}) {
		return nil
	}
	up := client.Upload{FileName: d.FileName, ContentType: d.ContentType, Content: d.Content}
	r, err := c.Deploy(ctx, tenant, d.Name, up, client.All(d.Settings))
	if err == nil {
		s.Deployed[place] = deployed{upload, r.Version}
	}
	return err
}

func isNotFound(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code == abi.NotFound.String()
}
