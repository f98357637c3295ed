package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/seraihost/serai/host/config"
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
				if err := e.Encode(config.Schema()); err != nil {
					return fmt.Errorf("writing the schema: %w", err)
				}
				return nil
			}
		},
	}
}
