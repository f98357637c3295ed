package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

// TestConnectionTypes wants every setting, operation and field of the
// connectors in what the command prints.
func TestConnectionTypes(t *testing.T) {
	_, all, _ := run(t, "connection", "types")
	for _, c := range standard.Connectors() {
		line := regexp.MustCompile(`(?m)^` + c.Type + ` .*$`).FindString(all)
		for _, f := range c.Config {
			if want := " " + f.Name; !strings.Contains(line, want) || f.Required && !strings.Contains(line, want+" (required)") {
				t.Errorf("the line of %s lacks %q: %s", c.Type, f.Name, line)
			}
		}
		code, text, stderr := run(t, "connection", "types", c.Type)
		if code != exitOK {
			t.Fatalf("%s: %s", c.Type, stderr)
		}
		want := []string{c.Doc}
		fields := c.Config
		for _, s := range standard.Sources() {
			if s.Type == c.Type {
				want = append(want, s.Doc)
				fields = append(append(fields, s.Config...), s.Message...)
			}
		}
		for _, f := range connector.Flat(fields) {
			want = append(want, "\n"+f.Name+" ", f.Meaning())
		}
		for _, op := range c.Ops {
			want = append(want, "\n"+op.Name+" ", op.Doc)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q:\n%s", c.Type, w, text)
			}
		}
	}
	if code, _, stderr := run(t, "connection", "types", "slq"); code != exitUsage || !strings.Contains(stderr, `there is no type "slq"; use amqp, http, `) {
		t.Errorf("an unknown type: %d %s", code, stderr)
	}
}

func TestConnectionTypesAsJSON(t *testing.T) {
	type field struct {
		Name, Type, Doc  string
		Required, Secret bool
		Default          any
		Enum             []string
		Min, Max         string
	}
	type described struct {
		Type, Doc string
		Settings  []field
		Channels  *struct{ Settings, Message []field }
		// Operations have what they take and give.
		Operations []struct {
			Name           string
			Request, Reply struct {
				Fields []field
				Body   struct {
					Type   string
					Fields []field
				}
			}
		}
	}
	_, text, _ := run(t, "connection", "types", "sql", "--output", "json")
	var got described
	decode(t, text, &got)
	found := map[string]field{}
	for _, f := range got.Settings {
		found[f.Name] = f
	}
	if f := found["password"]; !f.Secret || f.Type != "string" {
		t.Errorf("the password is %+v", f)
	}
	if f := found["pool_size"]; f.Default != 10.0 || f.Min != "1" || f.Max != "500" {
		t.Errorf("the size of the pool is %+v", f)
	}
	if f := found["tls.mode"]; len(f.Enum) != 3 || f.Default != "off" {
		t.Errorf("the mode of TLS is %+v", f)
	}
	if got.Channels == nil || got.Channels.Settings[0].Name != "channels" || got.Channels.Message[0].Name != "kind" {
		t.Errorf("channels are %+v", got.Channels)
	}
	if op := got.Operations[0]; op.Name != "sql.execute" || op.Request.Fields[0].Name != "transaction" || op.Request.Body.Fields[0].Name != "statement" || op.Reply.Body.Type != "json" {
		t.Errorf("the first operation is %+v", op)
	}
	_, text, _ = run(t, "connection", "types", "--output", "json")
	var all []described
	decode(t, text, &all)
	if len(all) != len(standard.Connectors()) {
		t.Errorf("there are %d types as JSON, want %d", len(all), len(standard.Connectors()))
	}
}
