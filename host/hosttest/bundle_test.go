package hosttest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// named is a folder by its name.
func named(t *testing.T, name string, files map[string]string) client.Upload {
	t.Helper()
	up := folder(t, files)
	up.FileName = name + ".tar"
	return up
}

func deployAll(t *testing.T, h *hosttest.Host, up client.Upload, s client.Settings) []string {
	t.Helper()
	all, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant, up, s)
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Service
	}
	return names
}

func invoke(t *testing.T, h *hosttest.Host, service, body string) string {
	t.Helper()
	r, err := h.Operator.Invoke(t.Context(), host.DefaultTenant, service, "application/json", []byte(body))
	if err != nil {
		t.Fatalf("%s: %s", service, hosttest.Explain(err))
	}
	return string(r.Body)
}

const crm = `
from serai import Service

class _Base(Service):
    def answer(self, what):
        self.response.payload = {'service': self.request.service, 'what': what}

class GetUser(_Base):
    """Finds a user.

    By name."""
    def handle(self):
        self.answer('user')

class GetOrders(_Base):
    name = 'api.orders'
    def handle_GET(self):
        self.answer('orders')
    def handle_POST(self):
        self.answer('posted')
`

func TestOneFileHoldsSeveralServices(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	up := client.Upload{FileName: "crm_api.py", ContentType: host.TypePython, Content: []byte(crm)}
	all, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant, up, client.Settings{})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if len(all) != 2 || all[0].Service != "api.orders" || all[1].Service != "crm-api.get-user" {
		t.Fatalf("%+v", all)
	}
	if diff := cmp.Diff(host.About{Class: "GetOrders", File: "crm_api.py", Methods: []string{"GET", "POST"}}, all[0].About); diff != "" {
		t.Error(diff)
	}
	if all[1].About.Doc != "" { // docstrings are kept: the file is not optimised
		if all[1].About.Doc != "Finds a user." {
			t.Errorf("doc %q", all[1].About.Doc)
		}
	} else {
		t.Error("the documentation is lost")
	}
	if got, want := invoke(t, h, "crm-api.get-user", ""), `{"service": "crm-api.get-user", "what": "user"}`; got != want {
		t.Error(got)
	}
	if got, want := invoke(t, h, "api.orders", ""), ""; got == want {
		t.Error("no answer")
	}
	// One of them alone, under a name of its own.
	if _, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "mine", up, client.Settings{}); err == nil ||
		!strings.Contains(hosttest.Explain(err), "several services (GetOrders, GetUser)") {
		t.Errorf("a name for two services: %v", err)
	}
	h.Deploy("mine", up, client.Settings{Export: "GetUser"})
	if got := invoke(t, h, "mine", ""); got != `{"service": "mine", "what": "user"}` {
		t.Error(got)
	}
}

func TestFolderOfServices(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	files := map[string]string{
		"api.py":    "import common\nfrom serai import Service\nclass Get(Service):\n    def handle(self):\n        return [common.LOADED, self.invoke('crm.get')]\n",
		"crm.py":    "import api, common\nfrom serai import Service\ncommon.LOADED.append('crm')\nclass Get(Service):\n    def handle(self):\n        return api.Get.__module__\n",
		"common.py": "LOADED = []\n",
		"plain.py":  "def handle(request):\n    return 'plain'\n",
		// A test and a file that does not even compile are not loaded.
		"test_api.py":  "syntax error",
		"tests/x.py":   "syntax error",
		"lib/other.py": "syntax error",
	}
	_, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant, named(t, "shop", files), client.Settings{})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if got := invoke(t, h, "api.get", ""); got != `[["crm"], "api"]` {
		t.Error(got)
	}
	if got := invoke(t, h, "plain", ""); got != "plain" {
		t.Error(got)
	}
	delete(files, "plain.py")
	files["service.py"] = "from serai import Service\nimport crm\nclass Shop(Service):\n    def handle(self):\n        return crm.Get.get_name()\n"
	if got := deployAll(t, h, named(t, "shop", files), client.Settings{}); !slices.Equal(got, []string{"shop.shop"}) {
		t.Errorf("with a service.py: %q", got)
	}
	if got := invoke(t, h, "shop.shop", ""); got != "crm.get" {
		t.Error(got)
	}
}

func TestUploadsOfServicesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	const head = "from serai import Service\n"
	good := head + "class Good(Service):\n    name = 'good'\n    def handle(self):\n        return 1\n"
	deployAll(t, h, client.Upload{FileName: "s.py", ContentType: host.TypePython, Content: []byte(good)}, client.Settings{})
	for name, c := range map[string]struct{ source, want string }{
		"two of a name":     {strings.ReplaceAll(good, "return 1", "return 2") + "class Other(Good):\n    name = 'good'\n", "two services are called 'good': Good in s.py and Other in s.py"},
		"a bad name":        {good + "class Other(Service):\n    name = 'a/b'\n    def handle(self): pass\n", "name 'a/b'"},
		"a reserved name":   {good + "class Other(Service):\n    name = 'zato.ping'\n    def handle(self): pass\n", "reserved"},
		"a name of 1 MB":    {good + "class Other(Service):\n    name = 'x' * 1000000\n    def handle(self): pass\n", "use 1 to 128 letters"},
		"too many":          {head + "for i in range(2000):\n    globals()[f'C{i}'] = type(f'C{i}', (Service,), {'handle': lambda self: 1, '__module__': __name__})\n", "at most 500"},
		"lies about them":   {good + "import serai._load\nserai._load.describe = lambda found: '{\"services\": [{\"name\": \"a/b\"}]}'\n", "service \"a/b\""},
		"garbage for names": {good + "import serai._load\nserai._load.describe = lambda found: '[' * 1000\n", "cannot be read"},
		"a megabyte more":   {good + "import serai._load\nserai._load.describe = lambda found: 'x' * 2000000\n", ""},
		"none":              {head + "class _Base(Service):\n    def handle(self): pass\n", "has no service"},
		"not UTF-8":         {good + "x = '\xe9'\n", "codec can't decode"},
	} {
		up := client.Upload{FileName: "s.py", ContentType: host.TypePython, Content: []byte(c.source)}
		_, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant, up, client.Settings{})
		var e *client.Error
		if !errors.As(err, &e) || !strings.Contains(hosttest.Explain(err), c.want) || e.Status >= 500 {
			t.Errorf("%s: %v", name, err)
		}
		if got := invoke(t, h, "good", ""); got != "1" {
			t.Fatalf("after %s: %s", name, got)
		}
	}
	_, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant,
		client.Upload{FileName: "crm_api.py", ContentType: host.TypePython, Content: []byte(crm)}, hosttest.Routes("GET /x"))
	if err == nil || !strings.Contains(err.Error(), `"api.orders" and "crm-api.get-user"`) {
		t.Errorf("one route for two services: %v", err)
	}
	if _, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant, hosttest.Module([]byte("\x00asm\x01\x00\x00\x00")), client.Settings{}); err == nil {
		t.Error("a module without a name was accepted")
	}
	var refused *client.Error
	if _, err := h.Operator.Service(t.Context(), host.DefaultTenant, "api.orders"); !errors.As(err, &refused) || refused.Code != abi.NotFound.String() {
		t.Errorf("a service of a refused upload: %v", err)
	}
}

// TestManyServicesShareAnImage deploys a file with a hundred services.
func TestManyServicesShareAnImage(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	var b strings.Builder
	b.WriteString("from serai import Service\n")
	for i := range 100 {
		fmt.Fprintf(&b, "class S%d(Service):\n    def handle(self):\n        return %d\n", i, i)
	}
	up := client.Upload{FileName: "many.py", ContentType: host.TypePython, Content: []byte(b.String())}
	start := time.Now()
	names := deployAll(t, h, up, client.Settings{})
	t.Logf("100 services live after %s", time.Since(start))
	if len(names) != 100 {
		t.Fatalf("%d services", len(names))
	}
	images := map[string]bool{}
	for _, i := range []int{0, 7, 42, 99} {
		name := fmt.Sprintf("many.s%d", i)
		if got := invoke(t, h, name, ""); got != fmt.Sprint(i) {
			t.Errorf("%s = %s", name, got)
		}
		all, err := h.Operator.Versions(t.Context(), host.DefaultTenant, name)
		if err != nil {
			t.Fatal(err)
		}
		images[all[0].Image] = true
	}
	if len(images) != 1 {
		t.Errorf("%d images", len(images))
	}
	h.Stop()
	again := hosttest.Start(t, h.SameData())
	if got := invoke(t, again, "many.s42", ""); got != "42" {
		t.Errorf("after a restart: %s", got)
	}
}
