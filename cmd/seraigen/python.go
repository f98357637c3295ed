package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/seraihost/serai/host/connector"
)

const pythonNotice = "# Written by cmd/seraigen from the connectors' descriptions. Do not edit.\n"

// ownClasses are the types for which guest-sdk/python has classes written by
// hand, as authors know them from elsewhere: serai.sql and the like.
var ownClasses = map[string]bool{"amqp": true, "redis": true, "sql": true}

// pythonIndex returns the module that knows the connectors by their types.
func pythonIndex(all []subject) []byte {
	var b bytes.Buffer
	b.WriteString(pythonNotice + `"""The operations of connectors, each as a method of its connection.

self.out has these by their types: self.out.memcached['Cache'].get('key').
Types that have more convenient classes of their own, such as sql, are here too:
serai.connectors.sql.Connection('Billing').execute('SELECT 1').
"""

`)
	var names []string
	for _, s := range all {
		if !s.Builtin {
			names = append(names, s.Type)
		}
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "from serai.connectors import %s\nfrom serai.connectors._form import Connections\n\n", strings.Join(names, ", "))
	b.WriteString("\nclass Types:\n    \"\"\"The types of connections that have no class of their own in self.out.\"\"\"\n\n    __slots__ = ()\n")
	for _, n := range names {
		if !ownClasses[n] {
			fmt.Fprintf(&b, "    #: Connections of the type %s, by name.\n    %s = Connections(%s.Connection)\n", n, n, n)
		}
	}
	return b.Bytes()
}

// python returns the module of a connector.
func python(s subject) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\"\"\"%s\"\"\"\n\nfrom serai.connectors import _form\n\n\n", pythonNotice, s.Doc)
	fmt.Fprintf(&b, "class Connection(_form.Connection):\n    \"\"\"One connection of the type %s, by its name.\"\"\"\n\n    __slots__ = ()\n    _type = %q\n", s.Type, s.Type)
	for _, op := range s.Ops {
		method(&b, op)
	}
	return b.Bytes()
}

// argument is a parameter of a method.
type argument struct {
	name, call, kind, doc string // call takes the value to where it belongs
	required              bool
}

func arguments(f connector.Form) []argument {
	var out []argument
	for _, field := range f.Fields {
		name := identifier(field.Name)
		out = append(out, argument{
			name, fmt.Sprintf("_form.%s(fields, %q, %s)", pythonKinds[field.Type].form, strings.TrimSuffix(field.Name, "*"), name),
			pythonKinds[field.Type].hint, field.Doc, field.Required,
		})
	}
	switch f.Body.Type {
	case "":
	case "object":
		for _, field := range f.Body.Fields {
			name := identifier(field.Name)
			out = append(out, argument{name, fmt.Sprintf("_form.member(body, %q, %s)", field.Name, name), pythonKinds[field.Type].hint, field.Doc, field.Required})
		}
	default:
		out = append(out, argument{"body", "", map[string]string{"bytes": "bytes | str", "text": "str", "json": "object"}[f.Body.Type], f.Body.Doc, false})
	}
	rank := func(a argument) int {
		switch {
		case a.required:
			return 0
		case a.name == "body":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b argument) int { return rank(a) - rank(b) })
	return out
}

// pythonKinds are the types of fields: what the function of _form that adds
// one is called, and read_ the one that reads one, and the hint. An array is
// only in bodies.
var pythonKinds = map[string]struct{ form, hint string }{
	"string":       {"text", "str"},
	"integer":      {"number", "int"},
	"boolean":      {"flag", "bool"},
	"milliseconds": {"duration", "float"},
	"json":         {"document", "object"},
	"list":         {"each", "list[str]"},
	"values":       {"values", "dict[str, str]"},
	"array":        {"", "list"},
}

func method(b *bytes.Buffer, op connector.OpInfo) {
	args := arguments(op.Request)
	_, name, _ := strings.Cut(op.Name, ".")
	signature := []string{"self"}
	keywords := false // has the mark come after which arguments have names
	for _, a := range args {
		one := a.name + ": " + a.kind
		if !a.required {
			one += " | None = None"
			if a.name != "body" && !keywords {
				signature, keywords = append(signature, "*"), true
			}
		}
		signature = append(signature, one)
	}
	fmt.Fprintf(b, "\n    def %s(%s):\n        \"\"\"%s\n\n", identifier(name), strings.Join(signature, ", "), op.Doc)
	for _, a := range args {
		fmt.Fprintf(b, "        :param %s: %s\n", a.name, a.doc)
	}
	replyDoc(b, op.Reply)
	b.WriteString("        \"\"\"\n        fields = []\n")
	body := "None"
	switch op.Request.Body.Type {
	case "object":
		b.WriteString("        body = {}\n")
		body = "_form.encode(body)"
	case "json":
		body = "_form.encode(body)"
	case "":
	default:
		body = "body"
	}
	for _, a := range args {
		if a.call != "" {
			fmt.Fprintf(b, "        %s\n", a.call)
		}
	}
	fmt.Fprintf(b, "        return self._call(%q, fields, %s, %s)\n", op.Name, body, replyForm(op.Reply))
}

func replyDoc(b *bytes.Buffer, f connector.Form) {
	var parts []string
	for _, field := range f.Fields {
		parts = append(parts, identifier(field.Name)+" ("+pythonKinds[field.Type].hint+"): "+field.Doc)
	}
	if f.Body.Type != "" {
		parts = append(parts, "body: "+f.Body.Doc)
	}
	switch {
	case len(parts) == 1:
		_, only, _ := strings.Cut(parts[0], ": ")
		fmt.Fprintf(b, "        :return: %s\n", only)
	case len(parts) > 1:
		b.WriteString("        :return: an object with\n")
		for _, p := range parts {
			fmt.Fprintf(b, "            %s\n", p)
		}
	}
}

// replyForm returns the description of a reply: names, fields and functions
// that read them, and that of the body.
func replyForm(f connector.Form) string {
	var b strings.Builder
	b.WriteString("(")
	for _, field := range f.Fields {
		fmt.Fprintf(&b, "(%q, %q, _form.read_%s), ", identifier(field.Name), strings.TrimSuffix(field.Name, "*"), pythonKinds[field.Type].form)
	}
	b.WriteString("), ")
	if f.Body.Type == "" {
		return b.String() + "None"
	}
	return b.String() + "_form.body_" + f.Body.Type
}

// identifier returns the name of a field in Python.
func identifier(name string) string {
	name = strings.NewReplacer("-", "_", ".", "_").Replace(strings.TrimSuffix(name, ".*"))
	switch name {
	case "*":
		return "others"
	case "from", "in", "is", "as", "class", "global", "import", "lambda", "not", "or", "and", "pass", "body", "self", "fields":
		return name + "_"
	}
	return name
}
