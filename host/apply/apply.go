package apply

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/deploy"
)

// Catalog is what is there.
type Catalog interface {
	// State is everything that a tenant has, of one moment.
	State(ctx context.Context, tenant string) (*catalog.State, error)
	// Secret returns a secret in clear.
	Secret(ctx context.Context, tenant, name string) ([]byte, error)
}

// Deployer builds uploads and makes changes.
type Deployer interface {
	Build(ctx context.Context, up host.Upload) (*deploy.Build, error)
	// Edit makes changes in one transaction and has the services run.
	Edit(ctx context.Context, tenant string, e catalog.Edit) ([]host.Receipt, error)
}

// Config is what an [Applier] works with.
type Config struct {
	Catalog  Catalog
	Deployer Deployer
	// CheckConnection refuses a connection whose type or config is wrong,
	// with an error that names the field.
	CheckConnection func(ctx context.Context, c host.Connection) error
	// CheckChannel does the same for channels.
	CheckChannel func(ctx context.Context, c host.Channel) error
	// Suits refuses a channel that cannot receive over a connection.
	Suits func(c host.Channel, over host.Connection) error
}

// Applier applies documents. It is safe for concurrent use: what is applied
// to one tenant at once is applied one after the other.
type Applier struct {
	Config
	seed   maphash.Seed
	turns  [64]chan struct{} // of tenants, by hash
	builds builds
}

// New returns an applier.
func New(c Config) *Applier {
	a := &Applier{Config: c, seed: maphash.MakeSeed()}
	for i := range a.turns {
		a.turns[i] = make(chan struct{}, 1)
	}
	return a
}

// Request is a document to apply.
type Request struct {
	Tenant   string
	Operator bool // who may let connections reach private networks
	Document *config.Document
	// Uploads are the contents of the document's services that have a
	// path, by their index. FileName, ContentType and Content count.
	Uploads map[int]host.Upload
	// Prune deletes what the document does not name.
	Prune bool
	// DryRun only finds out what would change.
	DryRun bool
	// Debug is what clients see of failures of the services.
	Debug host.Debug
}

// attempts is how often an apply is decided anew because something else
// changed the tenant meanwhile.
const attempts = 5

// Apply makes the tenant what the document says. What the document does not
// name stays, unless r.Prune. When Apply returns an error nothing has changed;
// an error about the document is [host.FieldErrors], whose fields are its paths.
func (a *Applier) Apply(ctx context.Context, r Request) (*config.Plan, error) {
	if err := checkDocument(&r); err != nil {
		return nil, err
	}
	turn := a.turns[maphash.String(a.seed, r.Tenant)%uint64(len(a.turns))]
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	state, err := a.Catalog.State(ctx, r.Tenant)
	if err != nil {
		return nil, err
	}
	built, problems, err := a.build(ctx, &r, state.Tenant.Quota)
	if err != nil {
		return nil, err
	}
	for range attempts {
		p := &planner{applier: a, req: &r, state: state, built: built, at: map[string]string{}, problems: slices.Clone(problems)}
		plan, err := p.apply(ctx)
		if !errors.Is(err, catalog.ErrChanged) {
			return plan, err
		}
		if state, err = a.Catalog.State(ctx, r.Tenant); err != nil {
			return nil, err
		}
	}
	return nil, catalog.ErrChanged
}

// checkDocument refuses a document that makes no sense, and uploads that do
// not belong to it.
func checkDocument(r *Request) error {
	var problems host.FieldErrors
	for _, p := range config.Check(r.Document) {
		problems = append(problems, host.FieldErrorf(p.Path, "%s", p.Message))
	}
	for i, s := range r.Document.Services {
		if _, ok := r.Uploads[i]; ok != (s.Path != "") {
			problems = append(problems, host.FieldErrorf(config.Index("services", i),
				"a service with a path comes with its content as module.%d, one without it does not", i))
		}
	}
	for i := range r.Uploads {
		if i < 0 || i >= len(r.Document.Services) {
			problems = append(problems, host.FieldErrorf("services", "the document has no service of module.%d", i))
		}
	}
	for _, section := range []struct {
		name     string
		has, can int
	}{
		{"security", len(r.Document.Security), maxSecurity},
		{"services", len(r.Document.Services), maxItems},
		{"channels", len(r.Document.Channels), maxItems},
		{"connections", len(r.Document.Connections), maxItems},
		{"config", len(r.Document.Config), maxItems},
		{"secrets", len(r.Document.Secrets), maxItems},
	} {
		if section.has > section.can {
			problems = append(problems, host.FieldErrorf(section.name, "%d of them; a document has at most %d", section.has, section.can))
		}
	}
	return problemsOrNil(problems)
}

// Bounds on a document. Security definitions have a lower one, since hashing
// a password is slow by design.
const (
	maxSecurity = 1000
	maxItems    = 10_000
)

func problemsOrNil(p host.FieldErrors) error {
	if len(p) == 0 {
		return nil
	}
	return p
}
