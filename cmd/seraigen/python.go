package main

import (
	"bytes"
	"fmt"
	"regexp"
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

// python returns the module of a connector. What only type checkers need is
// not imported when services run.
func python(s subject) []byte {
	var ops bytes.Buffer
	for _, op := range s.Ops {
		method(&ops, op)
	}
	replies := replyClasses(s.Ops)
	var hints bytes.Buffer
	for _, use := range []struct{ module, name string }{{"datetime", "timedelta"}, {"collections.abc", "Mapping"}, {"typing", "Any"}, {"typing", "Literal"}} {
		if used := regexp.MustCompile(`\b` + use.name + `\b`); used.Match(ops.Bytes()) || used.Match(replies) {
			fmt.Fprintf(&hints, "    from %s import %s\n", use.module, use.name)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\"\"\"%s\"\"\"\n\nfrom __future__ import annotations\n\n", pythonNotice, s.Doc)
	if hints.Len() > 0 {
		fmt.Fprintf(&b, "from typing import TYPE_CHECKING\n\nfrom serai.connectors import _form\n\nif TYPE_CHECKING:\n%s%s", hints.Bytes(), replies)
	} else {
		b.WriteString("from serai.connectors import _form\n")
	}
	fmt.Fprintf(&b, "\n\nclass Connection(_form.Connection):\n    \"\"\"One connection of the type %s, by its name.\"\"\"\n\n    __slots__ = ()\n    _type = %q\n", s.Type, s.Type)
	b.Write(ops.Bytes())
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
			argumentHint(field), field.Doc, field.Required,
		})
	}
	switch f.Body.Type {
	case "":
	case "object":
		for _, field := range f.Body.Fields {
			name := identifier(field.Name)
			out = append(out, argument{name, fmt.Sprintf("_form.member(body, %q, %s)", field.Name, name), pythonKinds[field.Type].takes, field.Doc, field.Required})
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

// argumentHint returns the hint of an argument.
func argumentHint(f connector.Field) string {
	if f.Type != "string" || len(f.Enum) == 0 {
		return pythonKinds[f.Type].takes
	}
	return "Literal['" + strings.Join(f.Enum, "', '") + "']"
}

// pythonKinds are the types of fields: what the function of _form that adds
// one is called, and read_ the one that reads one, and the hints of what it takes
// and returns. An array is only in bodies of requests.
var pythonKinds = map[string]struct{ form, takes, returns string }{
	"string":       {"text", "str", "str"},
	"integer":      {"number", "int", "int"},
	"boolean":      {"flag", "bool", "bool"},
	"milliseconds": {"duration", "float | timedelta", "float"},
	"json":         {"document", "object", "Any"},
	"list":         {"each", "list[str]", "list[str]"},
	"values":       {"values", "Mapping[str, object]", "dict[str, str]"},
	"array":        {"", "list[Any]", ""},
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
	fmt.Fprintf(b, "\n    def %s(%s) -> %s:\n        \"\"\"%s\n\n", identifier(name), strings.Join(signature, ", "), replyHint(op), op.Doc)
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

// replyParts returns the parts of a reply with their hints.
func replyParts(f connector.Form) []string {
	var out []string
	for _, field := range f.Fields {
		hint := pythonKinds[field.Type].returns
		if field.Optional && field.Type != "string" { // text that is not there is empty
			hint += " | None"
		}
		out = append(out, identifier(field.Name)+": "+hint)
	}
	if f.Body.Type != "" {
		out = append(out, "body: "+map[string]string{"bytes": "bytes", "text": "str", "json": "Any"}[f.Body.Type])
	}
	return out
}

// replyHint returns what a method returns: the only part of a reply, or an
// object with all of them.
func replyHint(op connector.OpInfo) string {
	switch parts := replyParts(op.Reply); len(parts) {
	case 0:
		return "None"
	case 1:
		_, hint, _ := strings.Cut(parts[0], ": ")
		return hint
	}
	return replyClass(op)
}

func replyClass(op connector.OpInfo) string { return opName(op.Name) + "Reply" }

// replyClasses returns the classes of replies of several parts. Only checkers
// see them: a reply is a Bunch, which knows its parts when it is made.
func replyClasses(ops []connector.OpInfo) []byte {
	var b bytes.Buffer
	for _, op := range ops {
		parts := replyParts(op.Reply)
		if len(parts) < 2 {
			continue
		}
		fmt.Fprintf(&b, "\n    class %s(dict[str, Any]):\n", replyClass(op))
		for _, p := range parts {
			fmt.Fprintf(&b, "        %s\n", p)
		}
	}
	return b.Bytes()
}

func replyDoc(b *bytes.Buffer, f connector.Form) {
	var parts []string
	for _, field := range f.Fields {
		parts = append(parts, identifier(field.Name)+" ("+pythonKinds[field.Type].returns+"): "+field.Doc)
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
