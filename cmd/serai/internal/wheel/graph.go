package wheel

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// graph is who requires whom.
type graph struct {
	req *requirements
	all map[string]*archive
}

// requires yields the packages that name needs and that are there.
func (g graph) requires(name string, visit func(string)) {
	a := g.all[name]
	if a == nil {
		return
	}
	for _, d := range a.requires {
		if g.all[d.name] != nil && (!d.optional || g.extras(name)) {
			visit(d.name)
		}
	}
}

// extras reports whether anybody asks for extras of a package.
func (g graph) extras(name string) bool {
	for _, line := range g.req.lines {
		if m := requirementName.FindStringSubmatch(line); m != nil && m[2] != "" && normal(m[1]) == name {
			return true
		}
	}
	for _, a := range g.all {
		for _, d := range a.requires {
			if d.extras && d.name == name {
				return true
			}
		}
	}
	return false
}

// leaveOut drops what Serai serves, what its users can do without, and what
// only those needed.
func (g graph) leaveOut(log io.Writer) {
	dropped := false
	for _, name := range slices.Sorted(maps.Keys(g.all)) {
		why, serves := servedBy(name)
		if !serves && !g.dispensable(name) {
			continue
		}
		if serves {
			fmt.Fprintf(log, "%s, which %s requires, is left out: %s\n", name, strings.Join(g.requirers(name), ", "), why)
		}
		delete(g.all, name)
		dropped = true
	}
	if !dropped {
		return
	}
	needed := make(map[string]bool)
	var need func(string)
	need = func(name string) {
		if g.all[name] != nil && !needed[name] {
			needed[name] = true
			g.requires(name, need)
		}
	}
	for _, name := range g.req.names {
		need(name)
	}
	maps.DeleteFunc(g.all, func(name string, _ *archive) bool { return !needed[name] })
}

// dispensable reports whether everybody who requires a package can do
// without it.
func (g graph) dispensable(name string) bool {
	users := dispensable[name]
	if users == nil || g.req.direct(name) {
		return false
	}
	return !slices.ContainsFunc(g.requirers(name), func(user string) bool { return !slices.Contains(users, user) })
}

// requirers returns the packages that need name.
func (g graph) requirers(name string) []string {
	var out []string
	for _, user := range slices.Sorted(maps.Keys(g.all)) {
		found := false
		g.requires(user, func(n string) { found = found || n == name })
		if found {
			out = append(out, user)
		}
	}
	return out
}

// chain returns how requirements.txt leads to a package: the one that
// requires it first.
func (g graph) chain(name string) []string {
	from := make(map[string]string)
	queue := slices.Clone(g.req.names)
	for _, n := range queue {
		from[n] = ""
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		g.requires(at, func(n string) {
			if _, seen := from[n]; !seen {
				from[n] = at
				queue = append(queue, n)
			}
		})
	}
	var out []string
	for at := from[name]; at != ""; at = from[at] {
		out = append(out, at)
	}
	return out
}
