package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

func schemaCommand() *command {
	return &command{
		name: "schema", short: "print the JSON Schema of serai.yaml, for editors",
		examples: []string{`serai schema > serai.schema.json`},
		setup: func(*flag.FlagSet) runner {
			return func(_ context.Context, a *app, _ []string) error {
				e := json.NewEncoder(a.stdout)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				if err := e.Encode(documentSchema()); err != nil {
					return fmt.Errorf("writing the schema: %w", err)
				}
				return nil
			}
		},
	}
}

// documentSchema returns the schema of serai.yaml with the settings of all
// connectors.
func documentSchema() map[string]any {
	connections, channels := map[string]map[string]any{}, map[string]map[string]any{}
	for _, c := range standard.Connectors() {
		connections[c.Type] = connector.Schema(c.Config)
	}
	for _, s := range standard.Sources() {
		channels[s.Type] = connector.Schema(s.Config)
	}
	return config.Schema(connections, channels)
}
