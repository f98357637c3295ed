package hosttest_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// declared are services that declare what they take and answer.
const declared = `
from serai import Bool, Dict, Int, Model, Service, dataclass
from serai.typing_ import list_, optional

class Names(Service):
    name = 'names'
    input = 'name', '-size', Int('-rank', default=1), Bool('-is_new', default=False)
    output = 'name', Int('rank'), '-size'

    def handle(self):
        got = self.request.input
        if isinstance(got, list):
            self.response.payload[:] = got
            return
        self.response.payload.name = got.name
        self.response.payload.rank = got.rank + got.is_new
        self.response.payload.size = got.size

@dataclass(init=False)
class Address(Model):
    street: str
    number: optional[int]

@dataclass(init=False)
class Customer(Model):
    id: int
    name: str
    addresses: list_[Address]

class Customers(Service):
    name = 'customers'
    input = output = Customer

    def handle(self):
        self.response.payload = self.request.input

class Free(Service):
    name = 'free'

    def handle(self):
        got = self.request.input
        self.response.payload.seen.user = got.user.name if 'user' in got else None
        self.response.payload.seen['raw'] = self.request.raw_request.decode()

class Elements(Service):
    name = 'elements'

    def handle(self):
        root = self.request.payload
        self.response.payload = '<id>%s</id>' % root.cust.id.text if root.cust.id == 7 else '<none/>'

class Silent(Service):
    name = 'silent'
    output = 'needed'

    def handle(self):
        pass
`

// channel stores a channel of the default tenant.
func channel(t *testing.T, h *hosttest.Host, name string, c host.Channel) {
	t.Helper()
	if _, err := h.Operator.PutChannel(t.Context(), host.DefaultTenant, name, c); err != nil {
		t.Fatal(err)
	}
}

// TestDataFormats serves what services declare in every data format, and
// refuses what is none.
func TestDataFormats(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	deployAll(t, h, named(t, "declared", map[string]string{"declared.py": declared}), client.Settings{})
	for _, service := range []string{"names", "customers", "free", "elements", "silent"} {
		for _, format := range host.DataFormats() {
			name := service + "-" + string(format)
			channel(t, h, name, host.Channel{Service: service, Path: "/" + string(format) + "/" + service, DataFormat: format})
		}
		channel(t, h, service, host.Channel{Service: service, Path: "/any/" + service + "/{id}"})
	}
	no := false
	channel(t, h, "apart", host.Channel{Service: "names", Path: "/apart/{name}", DataFormat: host.FormatJSON, MergeParams: &no})
	channel(t, h, "typed", host.Channel{Service: "names", Path: "/typed", ContentType: "application/vnd.x+json", ParamsPriority: host.MessageOverParams})

	const xml = "<?xml version='1.0' encoding='utf-8'?>\n"
	for _, c := range []struct {
		path, body string
		status     int
		kind, want string
	}{
		{"/json/names", `{"name": "a", "is_new": "yes"}`, 200, "application/json", `{"name": "a", "rank": 2, "size": ""}`},
		{"/json/names?size=big&rank=4", `{"name": "a", "size": "small"}`, 200, "application/json", `{"name": "a", "rank": 4, "size": "big"}`},
		{"/json/names", `[{"name": "a"}, {"name": "b"}]`, 200, "application/json", `[{"name": "a", "rank": 1, "size": ""}, {"name": "b", "rank": 1, "size": ""}]`},
		{"/xml/names", `<r><name>a &amp; b</name><rank>7</rank></r>`, 200, "application/xml", xml + `<response><name>a &amp; b</name><rank>7</rank><size/></response>`},
		{"/csv/names", "name,rank\na,1\n\"b,c\",2\n", 200, "text/csv", "name,rank,size\r\na,1,\r\n\"b,c\",2,\r\n"},
		{"/form/names", "name=a+b&rank=3", 200, "application/x-www-form-urlencoded", "name=a+b&rank=3&size="},
		{"/json/customers", `{"id": "1", "name": "Ada", "addresses": [{"street": "s"}]}`, 200, "application/json", `{"id": 1, "name": "Ada", "addresses": [{"street": "s", "number": null}]}`},
		{"/xml/customers", `<r><id>1</id><name>Ada</name><addresses><address><street>s</street></address></addresses></r>`, 200, "application/xml", xml + `<response><id>1</id><name>Ada</name><addresses><street>s</street><number/></addresses></response>`},
		{"/any/customers/9", `{"name": "Ada", "addresses": []}`, 200, "application/json", `{"id": 9, "name": "Ada", "addresses": []}`},
		{"/json/free", `{"user": {"name": "x"}}`, 200, "application/json", `{"seen": {"user": "x", "raw": "{\"user\": {\"name\": \"x\"}}"}}`},
		{"/raw/free", `{"user"`, 200, "application/json", `{"seen": {"user": null, "raw": "{\"user\""}}`},
		{"/xml/free", `<r><user><name>x</name></user></r>`, 200, "application/xml", xml + `<response><seen><user>x</user><raw>&lt;r&gt;&lt;user&gt;&lt;name&gt;x&lt;/name&gt;&lt;/user&gt;&lt;/r&gt;</raw></seen></response>`},
		{"/xml/elements", `<r><cust><id>7</id></cust></r>`, 200, "application/xml", `<id>7</id>`},
		{"/apart/x", `{"name": "a"}`, 200, "application/json", `{"name": "a", "rank": 1, "size": ""}`},
		{"/typed?name=q", `{"name": "m"}`, 200, "application/vnd.x+json", `{"name": "m", "rank": 1, "size": ""}`},
	} {
		r := h.Call("POST", c.path, c.body)
		if r.Status != c.status || r.Body != c.want || r.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s %s: %d %s\n%s\nwant %d %s\n%s", c.path, c.body, r.Status, r.Header.Get("Content-Type"), r.Body, c.status, c.kind, c.want)
		}
	}

	bomb := `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>`
	for _, c := range []struct{ path, body, why string }{
		{"/json/names", "{", "line 1 column 2"},
		{"/json/names", strings.Repeat("[", 100_000), "nested too deeply"},
		{"/json/names", strings.Repeat(`{"a":`, 100_000), "nested too deeply"},
		{"/json/names", strings.Repeat("9", 100_000), "no JSON"},
		{"/json/names", `{"name": "a", "rank": ` + strings.Repeat("9", 5000) + "}", "no JSON"},
		{"/json/names", `{"name": "a", "rank": "` + strings.Repeat("9", 5000) + `"}`, "Element has a wrong value: /rank is '999"},
		{"/json/names", `"text"`, "an object with name, size, rank"},
		{"/json/names", "", "Element missing: /name"},
		{"/json/free", strings.Repeat("[", 500) + strings.Repeat("]", 500), ""},
		{"/json/customers", `{"id": 1, "name": "a", "addresses": [{"street": "s"}, {"number": "x"}]}`, "Element missing: /addresses/1/street"},
		{"/json/customers", `{"id": 1, "name": "a", "addresses": {}}`, "Element is not a list: /addresses"},
		{"/xml/free", bomb, "document type"},
		{"/xml/names", `<r><name>a</r>`, "line 1, column"},
		{"/xml/names", strings.Repeat("<a>", 100_000), "more than 100 deep"},
		{"/xml/elements", "plain", "line 1"},
		{"/csv/names", "name\n\"a", "line"},
		{"/form/names", strings.Repeat("a=1&", 20_000), "form"},
		{"/raw/names", "plain", "an object with name"},
	} {
		r := h.Call("POST", c.path, c.body)
		if c.why == "" {
			if r.Status != 200 {
				t.Errorf("%s %s: %d %s", c.path, short(c.body), r.Status, short(r.Body))
			}
			continue
		}
		var p struct {
			Result, Cid, Detail string
			Details             []string
		}
		if err := json.Unmarshal([]byte(r.Body), &p); err != nil || r.Status != 400 || !strings.Contains(p.Detail, c.why) || p.Result != "Error" || p.Cid == "" {
			t.Errorf("%s %s: %d %s, want 400 with %q", c.path, short(c.body), r.Status, short(r.Body), c.why)
		}
	}

	r := h.Call("POST", "/json/customers", `{"addresses": [{}, {"street": 5, "number": "x"}]}`)
	var p struct{ Details []string }
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Element missing: /id", "Element missing: /name", "Element missing: /addresses/0/street",
		"Element has a wrong value: /addresses/1/street is 5, expected a text",
		"Element has a wrong value: /addresses/1/number is 'x', expected an integer",
	}
	if diff := cmp.Diff(want, p.Details); diff != "" {
		t.Error(diff)
	}

	if r := h.Call("POST", "/json/silent", ""); r.Status != 500 || strings.Contains(r.Body, "needed") {
		t.Errorf("a service without its output: %d %s", r.Status, r.Body)
	}
}

// TestWrongDeclarationsRefuseTheDeploy names the class and the element.
func TestWrongDeclarationsRefuseTheDeploy(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for declaration, words := range map[string][]string{
		"input = 'a', 'a'":             {"Bad", "input", "'a'", "twice"},
		"input = Int":                  {"Bad", "input", "Int('name')"},
		"output = 5":                   {"Bad", "output"},
		"input = M":                    {"M.x", "TestCase"},
		"schema = 'none.json'":         {"Bad.schema", "none.json", "folder"},
		"class SimpleIO: inputt = 'a'": {"Bad.SimpleIO", "inputt"},
	} {
		source := "import unittest\nfrom serai import Int, Model, Service\nclass M(Model):\n    x: unittest.TestCase\n" +
			"class Bad(Service):\n    " + declaration + "\n    def handle(self): pass\n"
		_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "bad", hosttest.Python(source), client.Settings{})
		if err == nil {
			t.Errorf("%s was deployed", declaration)
			continue
		}
		text := hosttest.Explain(err)
		if slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) }) {
			t.Errorf("%s: %s, want %q", declaration, text, words)
		}
		if e, ok := errors.AsType[*client.Error](err); ok && e.Status != 422 && e.Status != 400 {
			t.Errorf("%s: status %d", declaration, e.Status)
		}
	}
}
