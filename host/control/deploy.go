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
	settings    []byte
	content     []byte
	fileName    string
	contentType string
}

// readForm reads the two parts in any order; nothing of it touches the disk.
func readForm(c *fiber.Ctx, most int64) (*form, error) {
	kind, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEMultipartForm || params["boundary"] == "" {
		return nil, host.FieldErrorf("body", `send multipart/form-data with the parts "settings" and "module"`)
	}
	limit := most + maxJSON + framing
	if n := c.Request().Header.ContentLength(); int64(n) > limit {
		return nil, errTooLarge("module", most)
	}
	var f form
	var haveModule bool
	r := multipart.NewReader(io.LimitReader(body(c), limit), params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			e := host.FieldErrorf("body", "the multipart form is malformed or ended early")
			e.Err = err
			return nil, e
		}
		switch p.FormName() {
		case "settings":
			f.settings, err = readAll(p, "settings", maxJSON)
		case "module":
			haveModule = true
			f.fileName = baseName(p.FileName())
			f.contentType = contentType(p.Header.Get(fiber.HeaderContentType), f.fileName)
			f.content, err = readAll(p, "module", most)
		default:
			err = host.FieldErrorf(host.Clip(p.FormName()), `part %q is unknown; send "settings" and "module"`, host.Clip(p.FormName()))
		}
		if err != nil {
			return nil, err
		}
	}
	if !haveModule {
		return nil, host.FieldErrorf("module", `the form has no part "module"; it holds the content of the service`)
	}
	return &f, f.check()
}

func (f *form) check() error {
	switch f.contentType {
	case host.TypeWASM, host.TypePython, host.TypeTar:
	default:
		return host.FieldErrorf("module", "content type %q: use %s, %s or %s", host.Clip(f.contentType), host.TypeWASM, host.TypePython, host.TypeTar)
	}
	if len(f.content) == 0 {
		return host.FieldErrorf("module", "the content is empty")
	}
	return nil
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
