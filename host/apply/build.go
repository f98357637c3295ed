package apply

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/blob"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/deploy"
)

// upload is an upload of a document that was built.
type upload struct {
	build    *deploy.Build
	services []string // that it holds
}

// build builds the uploads of a document, by their index. What is wrong with
// them are problems.
func (a *Applier) build(ctx context.Context, r *Request, q host.Quota) (map[int]upload, host.FieldErrors, error) {
	out := make(map[int]upload, len(r.Uploads))
	var problems host.FieldErrors
	for i, s := range r.Document.Services {
		if s.Path == "" {
			continue
		}
		path := config.Index("services", i)
		u, err := a.buildOne(ctx, r, i, q)
		if e, ok := errors.AsType[*host.Error](err); ok && e.Code != abi.Cancelled && e.Code != abi.Internal {
			problems = append(problems, below(path, fieldsOfSettings, e))
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		out[i] = u
	}
	return out, problems, nil
}

func (a *Applier) buildOne(ctx context.Context, r *Request, i int, q host.Quota) (upload, error) {
	s, up := r.Document.Services[i], r.Uploads[i]
	up.Tenant, up.Service = r.Tenant, s.Name
	up.Settings = s.Resolve(host.DefaultSettings(q))
	if err := up.Settings.Check(q); err != nil {
		return upload{}, err
	}
	if up.ContentType == host.TypeWASM && s.Name == "" {
		base := filepath.Base(up.FileName)
		up.Service = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if up.Service != "" {
		if err := host.CheckName("name", up.Service); err != nil {
			return upload{}, err
		}
	}
	k := keyOf(up)
	b := a.builds.get(k)
	if b == nil {
		var err error
		if b, err = a.Deployer.Build(ctx, up); err != nil {
			return upload{}, err
		}
		a.builds.put(k, b)
	}
	return upload{b, b.Services()}, nil
}

// key is what a build depends on.
type key struct {
	tenant, service, file, kind, content, entry, export string
	limits                                              host.Limits
}

func keyOf(up host.Upload) key {
	s := up.Settings
	return key{up.Tenant, up.Service, up.FileName, up.ContentType, blob.Digest(up.Content), s.Entry, s.Export, s.Limits}
}

// maxBuilds bounds the builds that are remembered.
const maxBuilds = 1024

// builds remembers builds, so that what did not change is not built again.
type builds struct {
	mu sync.Mutex
	m  map[key]*deploy.Build
}

func (b *builds) get(k key) *deploy.Build {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.m[k]
}

func (b *builds) put(k key, built *deploy.Build) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.m) >= maxBuilds || b.m == nil {
		b.m = make(map[key]*deploy.Build)
	}
	b.m[k] = built
}
