package control

import (
	"fmt"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/apply"
	"github.com/seraihost/serai/host/config"
)

// Bounds on a document and what comes with it.
const (
	maxDocument = 2 * config.MaxBytes // as JSON
	maxUploads  = 4                   // times what one upload may have, for all of them together
)

// apply handles a document: the form's part "document" (JSON) and the parts
// "module.0", "module.1" and so on with the contents of its services, numbered
// as they are in the document.
func (s *Server) apply(c *fiber.Ctx) error {
	tenant := tenantOf(c)
	r, err := readApply(c, int64(tenant.Quota.ModuleBytes))
	if err != nil {
		return err
	}
	r.Tenant, r.Operator = tenant.Name, who(c).operator
	r.Debug = host.Debug(c.Query("debug"))
	for name, to := range map[string]*bool{"prune": &r.Prune, "dry-run": &r.DryRun} {
		if *to, err = queryBool(c, name); err != nil {
			return err
		}
	}
	plan, err := s.cfg.Applier.Apply(c.UserContext(), *r)
	if err != nil {
		return err
	}
	for _, change := range plan.Changes {
		if plan.Applied && change.Kind == config.KindService && change.Action == config.Delete {
			s.forget(tenant.Name, change.Name)
		}
	}
	return c.JSON(plan)
}

// readApply reads the form. most bounds one upload.
func readApply(c *fiber.Ctx, most int64) (*apply.Request, error) {
	const names = `"document" and, for services with a path, "module.0", "module.1", …`
	r := &apply.Request{Uploads: map[int]host.Upload{}}
	var total int64
	err := readParts(c, "document", names, maxDocument+maxUploads*most, func(p *multipart.Part) error {
		if p.FormName() == "document" {
			b, err := readAll(p, "document", maxDocument)
			if err != nil {
				return err
			}
			r.Document = new(config.Document)
			return decode(b, r.Document)
		}
		i, ok := moduleIndex(p.FormName())
		if _, twice := r.Uploads[i]; !ok || twice {
			return errUnknownPart(p, names)
		}
		m, err := readModule(p, p.FormName(), most)
		if err != nil {
			return below(config.Index("services", i), err)
		}
		if total += int64(len(m.content)); total > maxUploads*most {
			e := host.Errorf(abi.TooLarge, "the uploads together are over the limit of %s", host.Bytes(maxUploads*most))
			e.Field = "services"
			return e
		}
		r.Uploads[i] = host.Upload{FileName: m.fileName, ContentType: m.contentType, Content: m.content}
		return nil
	})
	if err == nil && r.Document == nil {
		err = host.FieldErrorf("document", `the form has no part "document"; it is a serai.yaml as JSON`)
	}
	return r, err
}

// below makes the error one about a place of the document.
func below(path string, err error) error {
	e := host.Errorf(host.CodeOf(err), "%s", host.MessageOf(err))
	e.Field, e.Err = path, err
	return e
}

// moduleIndex returns N of "module.N".
func moduleIndex(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "module.")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && strconv.Itoa(n) == digits
}

// queryBool reads a query parameter as true or false; absent is false.
func queryBool(c *fiber.Ctx, name string) (bool, error) {
	switch text := c.Query(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, host.FieldErrorf(name, "%s %q: use true or false", name, host.Clip(text))
	}
}

// export handles the other way: the tenant as a document.
func (s *Server) export(c *fiber.Ctx) error {
	out, err := s.cfg.Applier.Export(c.UserContext(), tenantOf(c).Name)
	if err != nil {
		return err
	}
	return c.JSON(out)
}

// getSource answers what the running version of a service was made from.
func (s *Server) getSource(c *fiber.Ctx) error {
	svc, err := s.service(c)
	if err != nil {
		return err
	}
	up, err := s.cfg.Deployer.Source(c.UserContext(), svc.Tenant, svc.Name)
	if host.CodeOf(err) == abi.NotFound {
		return errNoService(svc.Name)
	}
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, up.ContentType)
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": up.FileName}))
	if err := c.Send(up.Content); err != nil {
		return fmt.Errorf("sending the source: %w", err)
	}
	return nil
}
