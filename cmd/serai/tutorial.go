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
	"os"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/modules/tutorial"
)

// tutorialState is what the quickstart draws once and keeps, so that the
// commands it prints stay the same, and what it deployed.
type tutorialState struct {
	path        string
	Password    string `json:"password"`
	Key         string `json:"key"`
	PaymentsKey string `json:"payments_key"`
	// Applied maps tenants to the digest of what was applied to them.
	Applied map[string]string `json:"applied"`
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
	if err == nil && json.Unmarshal(b, s) != nil {
		*s = tutorialState{path: path} // it is damaged: passwords and keys change
	}
	for _, secret := range []*string{&s.Password, &s.Key, &s.PaymentsKey} {
		if *secret == "" {
			*secret = rand.Text()[:16]
		}
	}
	if s.Applied == nil {
		s.Applied = map[string]string{}
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

// setUp sets up a tenant of the tutorial. What was set up at an earlier start
// stays as its owner left it.
func (s *tutorialState) setUp(ctx context.Context, c *client.Client, v tutorial.Setup) error {
	whole, err := digestOf(v.Document, v.Uploads)
	if err != nil || s.Applied[v.Tenant] == whole {
		return err
	}
	if _, err := c.Tenant(ctx, v.Tenant); isNotFound(err) {
		if _, err := c.CreateTenant(ctx, v.Tenant, nil); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	uploads := map[string]string{} // digests of what is deployed now, by services
	rest := v.Without(func(service config.Service, up client.Upload) bool {
		var digest string
		var leave bool
		if err == nil {
			digest, leave, err = s.leave(ctx, c, v.Tenant, service, up)
		}
		if !leave {
			uploads[service.Name] = digest
		}
		return leave
	})
	if err != nil {
		return err
	}
	plan, err := rest.Apply(ctx, c)
	if err != nil {
		return err
	}
	for _, change := range plan.Changes {
		if digest := uploads[change.Name]; digest != "" && change.Kind == config.KindService {
			s.Deployed[v.Tenant+"/"+change.Name] = deployed{digest, change.Digest}
		}
	}
	s.Applied[v.Tenant] = whole
	return nil
}

// leave reports whether a service is to be left as it is: it was deployed
// before, or somebody deployed another version over it.
func (s *tutorialState) leave(ctx context.Context, c *client.Client, tenant string, service config.Service, up client.Upload) (string, bool, error) {
	digest, err := digestOf(service, up)
	if err != nil {
		return "", false, err
	}
	now, err := c.Service(ctx, tenant, service.Name)
	if isNotFound(err) {
		return digest, false, nil
	}
	was := s.Deployed[tenant+"/"+service.Name]
	return digest, was.Upload == digest || err == nil && was.Version != now.Running, err
}

// digestOf returns the digest of values as JSON.
func digestOf(values ...any) (string, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return "", fmt.Errorf("encoding the tutorial: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func isNotFound(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code == abi.NotFound.String()
}
