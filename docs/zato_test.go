package docs_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/hosttest"
)

// prober looks up the names of the tables. It also tells the names that the
// tables have to have: what a service has, and what is refused.
const prober = `
from serai import Service, refuse

class Prober(Service):
    def handle(self):
        names = {name: self.probe(name) for name in self.request.payload}
        found = {f'self.{name}' for name in dir(Service) if not name.startswith('_')}
        found |= {f'self.out.{name}' for name in refuse.OUT}
        return {'names': names, 'wanted': sorted(found)}

    def probe(self, name):
        try:
            root = name.split('.')[0].split('[')[0]
            if root in ('self', 'Service'):
                eval(name, {'self': self, 'Service': Service})
            else:
                found = self.imported(name)
                if getattr(found, '__module__', None) == 'serai.refuse':
                    found()
            return 'exists'
        except (refuse.Refused, refuse.RefusedModule) as exc:
            return f'refused: {exc}'
        except Exception as exc:
            return repr(exc)

    def imported(self, name):
        module, _, name = name.rpartition('.')
        names = {}
        exec(f'from {module} import {name} as found', names)
        return names['found']
`

var (
	row  = regexp.MustCompile("(?m)^\\| (`.+?`) \\| (\\w+) \\| (.*)\\|$")
	code = regexp.MustCompile("`([^`]+)`")
)

// TestZatoTables looks up every name of the tables in zato.md in the sandbox.
func TestZatoTables(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("zato.md")
	if err != nil {
		t.Fatal(err)
	}
	states := make(map[string]string)
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		if m[2] != "same" && strings.TrimSpace(m[3]) == "" {
			t.Errorf("%s: says %s and not how or why", m[1], m[2])
		}
		for _, c := range code.FindAllStringSubmatch(m[1], -1) {
			if states[c[1]] != "" {
				t.Errorf("%s is listed twice", c[1])
			}
			states[c[1]] = m[2]
		}
	}
	if len(states) < 300 {
		t.Fatalf("%d names: the tables are not understood", len(states))
	}
	got := probe(t, states)
	for name, state := range states {
		outcome := got.Names[name]
		switch state {
		case "same", "differs":
			if outcome != "exists" {
				t.Errorf("%s is %s, but %s", name, state, outcome)
			}
		case "refused":
			if !strings.HasPrefix(outcome, "refused: ") || !strings.Contains(outcome, " is not available: ") {
				t.Errorf("%s is refused, but %s", name, outcome)
			}
		default:
			t.Errorf("%s is %q: use same, differs or refused", name, state)
		}
	}
	for _, name := range got.Wanted {
		if states[name] == "" && states["Service."+strings.TrimPrefix(name, "self.")] == "" {
			t.Errorf("%s is missing in the tables", name)
		}
	}
}

// probed is what the prober tells.
type probed struct {
	Names  map[string]string
	Wanted []string
}

func probe(t *testing.T, states map[string]string) (p probed) {
	t.Helper()
	names := make([]string, 0, len(states))
	for name := range states {
		names = append(names, name)
	}
	slices.Sort(names)
	body, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	h := hosttest.Start(t, nil)
	h.Deploy("prober", hosttest.Python(prober), hosttest.Routes("POST /probe"))
	r := h.Call("POST", "/probe", string(body))
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil || r.Status != 200 {
		t.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	return p
}
