package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

// documentIn returns the document of a folder, "" if it has none or path is
// no folder.
func documentIn(path string) string {
	file := filepath.Join(path, documentName)
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return file
}

// chosen reports whether the flags say how a service runs.
func (f *deployFlags) chosen() bool {
	s, err := f.settings()
	return err != nil || f.name != "" || f.reset || len(s.Routes) > 0 || s.Grants != nil || s.Limits != nil ||
		s.Isolation != "" || s.Entry != "" || s.Export != ""
}

// apply has the host do what the folder's document says, and prints what
// changed.
func (d *dev) apply(ctx context.Context, file string) error {
	f := documentFlags{file: file, packages: d.flags.packages}
	doc, err := f.read(ctx, d.app)
	if err != nil {
		return err
	}
	plan, err := doc.apply(ctx, d.client, d.tenant, client.Apply{Debug: d.flags.debug})
	if err != nil {
		return err
	}
	for _, c := range plan.Changes {
		known := false
		if c.Kind == config.KindService {
			_, known = d.services.LoadOrStore(c.Name, true)
		}
		switch {
		case c.Action == config.Unchanged && (known || c.Kind != config.KindService):
			continue
		case c.Kind == config.KindService:
			d.app.say("%s  deployed  %s, version %s", clock(), printable(c.Name), short(c.Digest))
		default:
			d.app.say("%s  %sd  %s %s", clock(), c.Action, c.Kind, printable(c.Name))
		}
	}
	d.tellChannels(doc.Document)
	return nil
}

// tellChannels prints the addresses of a document's channels, once.
func (d *dev) tellChannels(doc *config.Document) {
	for name, c := range doc.Channels {
		if _, told := d.channels.LoadOrStore(name+" "+c.Method+" "+c.Host+c.Path, true); !told && !c.Disabled {
			d.app.say("          %s http://%s%s", cmp.Or(c.Method, "*"), cmp.Or(c.Host, d.gateway), c.Path)
		}
	}
}
