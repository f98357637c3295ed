package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

func connectionTypes() *command {
	return &command{
		name: "types", args: "[TYPE]", short: "list the types of connections, or describe one", max: 1,
		long: `Lists the types of connections that this program knows, with their settings. Of
one type it tells what each setting means, what its channels take and say, and
what services do with it. No host is asked.`,
		examples: []string{"serai connection types", "serai connection types sql"},
		setup: func(fs *flag.FlagSet) runner {
			var output string
			fs.Var((*formatValue)(&output), "output", formatUsage)
			return func(_ context.Context, a *app, args []string) error {
				all := connectionKinds()
				if len(args) == 0 {
					return a.print(list(all), func(w *tabwriter.Writer) { listKinds(w, all) })
				}
				i := slices.IndexFunc(all, func(k kind) bool { return k.Type == args[0] })
				if i < 0 {
					var names []string
					for _, k := range all {
						names = append(names, k.Type)
					}
					return usagef("there is no type %q; use %s", args[0], strings.Join(names, ", "))
				}
				return a.print(all[i], func(w *tabwriter.Writer) { describeKind(w, all[i]) })
			}
		},
	}
}

// kind is a type of connections as it is shown.
type kind struct {
	Type       string          `json:"type"`
	Doc        string          `json:"doc"`
	Untested   string          `json:"untested,omitempty"` // why no server is part of the tests
	Settings   []kindField     `json:"settings"`
	Channels   *kindChannels   `json:"channels,omitempty"`
	Operations []kindOperation `json:"operations"`
}

type kindChannels struct {
	Doc      string      `json:"doc"`
	Settings []kindField `json:"settings"`
	Message  []kindField `json:"message"`
}

type kindOperation struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"`
	Retry   bool     `json:"retry,omitempty"` // it is repeated when the connection turns out to be lost
	Request kindForm `json:"request"`
	Reply   kindForm `json:"reply"`
}

type kindForm struct {
	Fields []kindField `json:"fields"`
	Body   *kindBody   `json:"body,omitempty"`
}

type kindBody struct {
	Type   string      `json:"type"`
	Doc    string      `json:"doc"`
	Fields []kindField `json:"fields,omitempty"`
}

// kindField is a setting, or a field of an operation or a message.
type kindField struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Doc      string   `json:"doc"`
	Required bool     `json:"required,omitempty"`
	Secret   bool     `json:"secret,omitempty"` // ${secret:NAME}
	Default  any      `json:"default,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Min      string   `json:"min,omitempty"`
	Max      string   `json:"max,omitempty"`
	meaning  string
}

func connectionKinds() (out []kind) {
	for _, c := range standard.Connectors() {
		k := kind{Type: c.Type, Doc: c.Doc, Untested: c.Untested, Settings: kindFields(c.Config)}
		for _, op := range c.Ops {
			k.Operations = append(k.Operations, kindOperation{op.Name, op.Doc, op.Retry, formOf(op.Request), formOf(op.Reply)})
		}
		for _, s := range standard.Sources() {
			if s.Type == c.Type {
				k.Channels = &kindChannels{s.Doc, kindFields(s.Config), kindFields(s.Message)}
			}
		}
		out = append(out, k)
	}
	return out
}

func formOf(f connector.Form) kindForm {
	out := kindForm{Fields: kindFields(f.Fields)}
	if f.Body.Type != "" {
		out.Body = &kindBody{f.Body.Type, f.Body.Doc, nil}
		if len(f.Body.Fields) > 0 {
			out.Body.Fields = kindFields(f.Body.Fields)
		}
	}
	return out
}

func kindFields(fields []connector.Field) []kindField {
	out := make([]kindField, 0, len(fields))
	for _, f := range connector.Flat(fields) {
		v := kindField{Name: f.Name, Type: f.Type, Doc: f.Doc, Required: f.Required, Secret: f.Secret, Enum: f.Enum, Min: f.Min, Max: f.Max, meaning: f.Meaning()}
		if f.Default != "" {
			v.Default = f.Typed(f.Default)
		}
		out = append(out, v)
	}
	return out
}

func listKinds(w *tabwriter.Writer, all []kind) {
	fmt.Fprintln(w, "TYPE\tCHANNELS\tSETTINGS")
	for _, k := range all {
		var names []string
		for _, f := range k.Settings {
			switch {
			case strings.Contains(f.Name, "."): // its object is enough
			case f.Required:
				names = append(names, f.Name+" (required)")
			default:
				names = append(names, f.Name)
			}
		}
		channels := "-"
		if k.Channels != nil {
			channels = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.Type, channels, strings.Join(names, ", "))
	}
}

func describeKind(w *tabwriter.Writer, k kind) {
	fmt.Fprintln(w, k.Doc)
	if k.Untested != "" {
		fmt.Fprintln(w, "Not tested against a server: "+k.Untested)
	}
	table := func(title string, fields []kindField) {
		fmt.Fprintf(w, "\n%s\tTYPE\tDEFAULT\tMEANING\n", title)
		for _, f := range fields {
			standing := fmt.Sprint(f.Default)
			switch {
			case f.Required:
				standing = "required"
			case f.Default == nil:
				standing = ""
			}
			if f.Secret {
				f.Type = "secret"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, f.Type, standing, f.meaning)
		}
	}
	table("SETTING", k.Settings)
	if k.Channels != nil {
		fmt.Fprintf(w, "\nChannels: %s\n", k.Channels.Doc)
		table("SETTING OF A CHANNEL", k.Channels.Settings)
		table("FIELD BELOW MESSAGE.", k.Channels.Message)
	}
	fmt.Fprint(w, "\nOPERATION\tREQUEST\tREPLY\tMEANING\n")
	for _, op := range k.Operations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", op.Name, operands(op.Request), operands(op.Reply), op.Doc)
	}
}

// operands names what a request or a reply consists of.
func operands(f kindForm) string {
	var names []string
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	switch {
	case f.Body == nil:
	case len(f.Body.Fields) > 0:
		for _, field := range f.Body.Fields {
			names = append(names, field.Name)
		}
	default:
		names = append(names, "body")
	}
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}
