package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

// Apply is how a document is applied.
type Apply struct {
	Prune  bool       // delete what the document does not name
	DryRun bool       // only find out what would change
	Debug  host.Debug // what clients see of failures; for development
}

// Apply makes a tenant what a document says. uploads are the contents of its
// services with a path, by their index. An error about the document is an
// *[Error] whose fields are paths of the document.
func (c *Client) Apply(ctx context.Context, tenant string, doc *config.Document, uploads map[int]Upload, how Apply) (*config.Plan, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := writeApply(w, doc, uploads); err != nil {
		return nil, fmt.Errorf("encoding the document: %w", err)
	}
	q := url.Values{}
	for name, is := range map[string]bool{"prune": how.Prune, "dry-run": how.DryRun} {
		if is {
			q.Set(name, "true")
		}
	}
	if how.Debug != "" {
		q.Set("debug", string(how.Debug))
	}
	var out config.Plan
	r := call{method: http.MethodPost, path: path("tenants", tenant, "apply"), query: q, kind: w.FormDataContentType(), body: &b}
	return &out, c.into(ctx, r, &out)
}

func writeApply(w *multipart.Writer, doc *config.Document, uploads map[int]Upload) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	err = writePart(w, textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="document"`}, "Content-Type": {"application/json"},
	}, text)
	for i := range doc.Services {
		up, ok := uploads[i]
		if !ok || err != nil {
			continue
		}
		err = writePart(w, textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition("module."+strconv.Itoa(i), up.FileName)},
			"Content-Type":        {up.ContentType},
		}, up.Content)
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// Export returns a tenant as a document.
func (c *Client) Export(ctx context.Context, tenant string) (*config.Export, error) {
	var out config.Export
	return &out, c.json(ctx, http.MethodGet, path("tenants", tenant, "export"), nil, &out)
}

// Source returns what the running version of a service was made from. Python
// is a folder, as a tar archive.
func (c *Client) Source(ctx context.Context, tenant, service string) (Upload, error) {
	b, header, err := c.bytes(ctx, call{method: http.MethodGet, path: path("tenants", tenant, "services", service, "source")})
	if err != nil {
		return Upload{}, err
	}
	up := Upload{ContentType: header.Get("Content-Type"), Content: b}
	if _, params, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil {
		up.FileName = params["filename"]
	}
	return up, nil
}
