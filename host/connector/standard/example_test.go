package standard_test

import (
	"encoding/json"
	"testing"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

// TestExamplesAreValid takes the examples of the settings for a configuration.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	check := func(what string, fields []connector.Field, validate func([]byte) error) {
		raw, err := json.Marshal(examples(fields))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(raw); err != nil {
			t.Errorf("%s with %s: %v; give its settings the tag example", what, raw, err)
		}
	}
	for _, c := range standard.Connectors() {
		check("a connection of the type "+c.Type, c.Config, c.Validate)
	}
	for _, s := range standard.Sources() {
		check("a channel of the type "+s.Type, s.Config, s.Validate)
	}
}

func examples(fields []connector.Field) map[string]any {
	out := map[string]any{}
	for _, f := range fields {
		switch {
		case f.Example != "":
			out[f.Name] = f.Typed(f.Example)
		case f.Type == "object" && len(examples(f.Fields)) > 0:
			out[f.Name] = examples(f.Fields)
		}
	}
	return out
}
