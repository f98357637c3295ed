package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/seraihost/serai/host/connector"
)

const notice = "<!-- Written by cmd/seraigen from the connector's description. Do not edit. -->\n\n"

// index returns the page that lists all pages.
func index(all []subject) []byte {
	var b bytes.Buffer
	b.WriteString(notice + "# Reference of connectors\n\n")
	b.WriteString("What each connector is configured with and what services do with it. [Connections](../connections.md) and\n" +
		"[channels](../channels.md) say how they are used, [connectors](../connectors.md) how one is written.\n\n")
	list := func(builtin bool) {
		b.WriteString("| Type | | Channels |\n|---|---|---|\n")
		for _, s := range all {
			if s.Builtin != builtin {
				continue
			}
			channels := ""
			if s.source != nil {
				channels = s.source.Doc
			}
			fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", s.Type, s.Type, cell(s.Doc), cell(channels))
		}
	}
	list(false)
	b.WriteString("\nThese are the host's own; they need no connection:\n\n")
	list(true)
	return b.Bytes()
}

// page returns the reference of a connector.
func page(s subject) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s# Type %s\n\n%s\n", notice, s.Type, s.Doc)
	if s.Untested != "" {
		fmt.Fprintf(&b, "\nNot tested against a server: %s\n", s.Untested)
	}
	if !s.Builtin {
		b.WriteString("\n## Configuration\n\n")
		settings(&b, s.Config)
	}
	if s.source != nil {
		fmt.Fprintf(&b, "\n## Channels\n\n%s\n\n", s.source.Doc)
		settings(&b, s.source.Config)
		b.WriteString("\nA message has, below `message.`:\n\n")
		operands(&b, s.source.Message)
	}
	b.WriteString("\n## Operations\n")
	for _, op := range s.Ops {
		operation(&b, op, s.Builtin)
	}
	return b.Bytes()
}

// settings writes the table of a configuration, objects below their names.
func settings(b *bytes.Buffer, fields []connector.Field) {
	b.WriteString("| Setting | Type | Default | Meaning |\n|---|---|---|---|\n")
	for _, f := range connector.Flat(fields) {
		switch {
		case f.Type == "object":
			fmt.Fprintf(b, "| `%s` | object | | %s |\n", f.Name, cell(f.Doc))
			continue
		case f.Secret:
			f.Type = "secret"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, standing(f), cell(meaning(f)))
	}
}

// operation writes the section of an operation.
func operation(b *bytes.Buffer, op connector.OpInfo, builtin bool) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s", op.Name, op.Doc)
	if op.Retry {
		b.WriteString(" It is repeated when the connection turns out to be lost.")
	}
	b.WriteString("\n")
	form := func(what string, f connector.Form) {
		if len(f.Fields) > 0 {
			fmt.Fprintf(b, "\n%s:\n\n", what)
			operands(b, f.Fields)
		}
		if f.Body.Type != "" {
			fmt.Fprintf(b, "\nBody of the %s (%s): %s\n", strings.ToLower(what), f.Body.Type, f.Body.Doc)
		}
		if len(f.Body.Fields) > 0 {
			b.WriteString("\n")
			operands(b, f.Body.Fields)
		}
	}
	if !builtin {
		b.WriteString("\nThe field `connection` names the connection.\n")
	}
	form("Request", op.Request)
	form("Reply", op.Reply)
}

func operands(b *bytes.Buffer, fields []connector.Field) {
	b.WriteString("| Field | Type | Default | Meaning |\n|---|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, standing(f), cell(meaning(f)))
	}
}

// standing is the cell of a default.
func standing(f connector.Field) string {
	switch {
	case f.Required:
		return "required"
	case f.Default != "":
		return "`" + f.Default + "`"
	}
	return ""
}

// meaning is what a field means, its values as code.
func meaning(f connector.Field) string {
	if len(f.Enum) > 0 {
		return f.Doc + "; one of `" + strings.Join(f.Enum, "`, `") + "`"
	}
	return f.Meaning()
}

// cell returns text for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
