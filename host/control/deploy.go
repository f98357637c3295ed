package control

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// framing is what a multipart body may have around its parts.
const framing = 64 << 10

// deploy handles PUT of a service: the form's part "settings" (JSON,
// optional) and its part "module" (the content).
func (s *Server) deploy(c *fiber.Ctx) error {
	tenant := tenantOf(c)
	name, err := param(c, "service")
	if err != nil {
		return err
	}
	if err := host.CheckName("service", name); err != nil {
		return err
	}
	form, err := readForm(c, int64(tenant.Quota.ModuleBytes))
	if err != nil {
		return err
	}
	settings, err := s.settingsFor(c.UserContext(), tenant, name, form.settings)
	if err != nil {
		return err
	}
	up := host.Upload{
		Tenant: tenant.Name, Service: name, FileName: form.fileName, ContentType: form.contentType,
		Content: form.content, Settings: settings,
	}
	receipt, err := s.cfg.Deployer.Deploy(c.UserContext(), up)
	if err != nil {
		return err
	}
	return c.JSON(receipt)
}

// deployAll handles POST of services: the same form for an upload whose
// services have names of their own. Where it holds several, settings that only
// one can have are refused.
func (s *Server) deployAll(c *fiber.Ctx) error {
	tenant, ctx := tenantOf(c), c.UserContext()
	form, err := readForm(c, int64(tenant.Quota.ModuleBytes))
	if err != nil {
		return err
	}
	o, err := parseOptions(form.settings)
	if err != nil {
		return err
	}
	first, err := o.settings(host.DefaultSettings(tenant.Quota), tenant.Quota)
	if err != nil {
		return err
	}
	if err := s.checkAuth(ctx, tenant.Name, first.Routes); err != nil {
		return err
	}
	up := host.Upload{
		Tenant: tenant.Name, FileName: form.fileName, ContentType: form.contentType, Content: form.content, Settings: first,
	}
	var before string
	receipts, err := s.cfg.Deployer.DeployAll(ctx, up, func(service string) (host.Settings, error) {
		if before != "" && (o.Routes != nil && len(*o.Routes) > 0 || o.Export != "") {
			return host.Settings{}, host.FieldErrorf("routes", "the upload holds several services, among them %q and %q: give them channels, or their routes in serai.yaml; or name one of them to deploy it alone", before, service)
		}
		before = service
		return s.settingsOver(ctx, tenant, service, o)
	})
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"services": receipts})
}

// settingsFor decodes the settings of an upload over the defaults or, where
// the author keeps them, over those of the running version.
func (s *Server) settingsFor(ctx context.Context, t host.Tenant, service string, raw []byte) (host.Settings, error) {
	o, err := parseOptions(raw)
	if err != nil {
		return host.Settings{}, err
	}
	out, err := s.settingsOver(ctx, t, service, o)
	if err != nil {
		return out, err
	}
	return out, s.checkAuth(ctx, t.Name, out.Routes)
}

func parseOptions(raw []byte) (o options, err error) {
	if len(raw) > 0 {
		err = decode(raw, &o)
	}
	return o, err
}

// settingsOver puts the options over the defaults, or over the settings of the
// running version where the author keeps them.
func (s *Server) settingsOver(ctx context.Context, t host.Tenant, service string, o options) (host.Settings, error) {
	base := host.DefaultSettings(t.Quota)
	if o.Keep {
		running, err := s.running(ctx, t.Name, service)
		switch {
		case err == nil:
			base = running.Settings
		case host.CodeOf(err) != abi.NotFound:
			return host.Settings{}, err
		}
	}
	return o.settings(base, t.Quota)
}

// running returns the version of the service that serves calls.
func (s *Server) running(ctx context.Context, tenant, service string) (host.Version, error) {
	v, err := s.cfg.Catalog.Service(ctx, tenant, service)
	if err != nil {
		return host.Version{}, err
	}
	return s.cfg.Catalog.Version(ctx, tenant, service, v.Running)
}

// checkAuth wants every security definition that a route names to exist.
func (s *Server) checkAuth(ctx context.Context, tenant string, routes []host.Route) error {
	for _, r := range routes {
		if r.Auth == "" {
			continue
		}
		_, err := s.cfg.Catalog.Auth(ctx, tenant, r.Auth)
		switch {
		case host.CodeOf(err) == abi.NotFound:
			return host.FieldErrorf("auth", "security definition %q does not exist; create it with: serai auth set", host.Clip(r.Auth))
		case err != nil:
			return err
		}
	}
	return nil
}

// form is a multipart upload.
type form struct {
	settings []byte
	module
}

// readForm reads the two parts in any order; nothing of it touches the disk.
func readForm(c *fiber.Ctx, most int64) (*form, error) {
	var f form
	var haveModule bool
	err := readParts(c, "module", `"settings" and "module"`, most+maxJSON, func(p *multipart.Part) (err error) {
		switch p.FormName() {
		case "settings":
			f.settings, err = readAll(p, "settings", maxJSON)
		case "module":
			haveModule = true
			f.module, err = readModule(p, "module", most)
		default:
			err = errUnknownPart(p, `"settings" and "module"`)
		}
		return err
	})
	if err == nil && !haveModule {
		err = host.FieldErrorf("module", `the form has no part "module"; it holds the content of the service`)
	}
	return &f, err
}

// readParts calls each for the parts of a multipart body of at most limit
// bytes; what and names are for messages.
func readParts(c *fiber.Ctx, what, names string, limit int64, each func(*multipart.Part) error) error {
	kind, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEMultipartForm || params["boundary"] == "" {
		return host.FieldErrorf("body", `send multipart/form-data with the parts %s`, names)
	}
	limit += framing
	if n := c.Request().Header.ContentLength(); int64(n) > limit {
		return errTooLarge(what, limit-framing)
	}
	r := multipart.NewReader(io.LimitReader(body(c), limit), params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			e := host.FieldErrorf("body", "the multipart form is malformed or ended early")
			e.Err = err
			return e
		}
		if err := each(p); err != nil {
			return err
		}
	}
}

func errUnknownPart(p *multipart.Part, names string) error {
	name := host.Clip(p.FormName())
	return host.FieldErrorf(name, `part %q is unknown; send %s`, name, names)
}

// module is the content of a service.
type module struct {
	content     []byte
	fileName    string
	contentType string
}

// readModule reads a part with content of at most so many bytes.
func readModule(p *multipart.Part, field string, most int64) (m module, err error) {
	m.fileName = baseName(p.FileName())
	m.contentType = contentType(p.Header.Get(fiber.HeaderContentType), m.fileName)
	if m.content, err = readAll(p, field, most); err != nil {
		return m, err
	}
	switch m.contentType {
	case host.TypeWASM, host.TypePython, host.TypeTar:
	default:
		return m, host.FieldErrorf(field, "content type %q: use %s, %s or %s", host.Clip(m.contentType), host.TypeWASM, host.TypePython, host.TypeTar)
	}
	if len(m.content) == 0 {
		return m, host.FieldErrorf(field, "the content is empty")
	}
	return m, nil
}

// contentType returns the declared type or, where the client's tool gave
// none of use, the one that the file's name stands for.
func contentType(declared, fileName string) string {
	kind, _, err := mime.ParseMediaType(declared)
	if err == nil && kind != fiber.MIMEOctetStream && kind != fiber.MIMETextPlain {
		return kind
	}
	switch strings.ToLower(path.Ext(fileName)) {
	case ".wasm":
		return host.TypeWASM
	case ".py":
		return host.TypePython
	case ".tar":
		return host.TypeTar
	}
	return kind
}

// baseName returns the last part of a file name, free of control characters.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	return host.Clip(name)
}
