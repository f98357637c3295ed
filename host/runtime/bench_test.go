//go:build cgo

package runtime_test

import (
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/blob"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/engine/wasmtime"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime"
)

const jsonService = `
from serai import Service
class J(Service):
    def handle(self):
        p = self.request.payload
        self.response.payload = {'user': p['user'], 'total': sum(i['price'] * i['n'] for i in p['items'])}
`

// order is read into a Model of ten fields with a list of five more models,
// or into the same fields of SimpleIO.
const order = `{"id":7,"user":"a","country":"PL","email":"a@example.com","paid":true,"total":12.5,"currency":"EUR","priority":3,"items":[` +
	`{"sku":"A-1","n":1,"price":1.5},{"sku":"A-2","n":2,"price":2.5},{"sku":"A-3","n":3,"price":3.5},{"sku":"A-4","n":4,"price":4.5},{"sku":"A-5","n":5,"price":5.5,"note":"x"}]}`

const plainService = `
from serai import Service
class S(Service):
    def handle(self):
        self.response.payload = {'user': self.request.payload['user'], 'lines': len(self.request.payload['items'])}
`

const modelService = `
from serai import Model, Service, dataclass
from serai.typing_ import list_, optional

@dataclass(init=False)
class Item(Model):
    sku: str
    n: int
    price: float
    note: optional[str]

@dataclass(init=False)
class Order(Model):
    id: int
    user: str
    country: str
    email: str
    paid: bool
    total: float
    currency: str
    note: optional[str]
    priority: int
    items: list_[Item]

class S(Service):
    input = Order

    def handle(self):
        self.response.payload = {'user': self.request.input.user, 'lines': len(self.request.input.items)}
`

const simpleIOService = `
from serai import Bool, DictList, Float, Int, Service
class S(Service):
    input = ('id', 'user', 'country', 'email', Bool('paid'), Float('total'), 'currency', '-note', Int('priority'),
             DictList('items', 'sku', Int('n'), Float('price'), '-note'))
    output = 'user', Int('lines')

    def handle(self):
        self.response.payload.user = self.request.input.user
        self.response.payload.lines = len(self.request.input['items'])
`

// BenchmarkPython measures services in Python: the call and the reset that
// makes the instance pristine.
func BenchmarkPython(b *testing.B) {
	for _, c := range []struct{ name, source, body string }{
		{"json", jsonService, `{"user":"a","items":[{"price":2,"n":3},{"price":5,"n":1}]}`},
		{"plain", plainService, order},
		{"model", modelService, order},
		{"simpleio", simpleIOService, order},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkPython(b, c.source, c.body) })
	}
}

func benchmarkPython(b *testing.B, source, body string) {
	b.Helper()
	functions := append(guest.Functions(), wasi.Functions()...)
	eng, err := wasmtime.New(wasmtime.Config{CacheDir: b.TempDir(), Host: functions, QuickFrom: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	images, err := image.OpenStore(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	blobs, err := blob.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	rt := runtime.New(runtime.Config{Engine: eng, Host: functions, Images: images, Blobs: blobs, StateDir: b.TempDir()})
	settings := host.Settings{Limits: host.DefaultLimits()}
	built, err := rt.Build(b.Context(), runtime.Source{
		Tenant: "t", Service: "s", FileName: "s.py", ContentType: host.TypePython, Content: []byte(source),
		Settings: settings, Quota: host.DefaultQuota(),
	})
	if err != nil {
		b.Fatal(err)
	}
	p, err := rt.Load(b.Context(), host.Version{
		Tenant: "t", Service: "s", Kind: built.Kind, Source: built.Source, Image: built.Image, Runtime: built.Runtime, Settings: settings,
	})
	if err != nil {
		b.Fatal(err)
	}
	in, err := p.Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	call := &host.Call{
		Tenant: "t", Service: "s", CID: "c", Channel: abi.ChannelHTTP,
		Envelope: abi.Envelope{{Name: "cid", Value: "c"}, {Name: "channel", Value: "http"}, {Name: "method", Value: "POST"}, {Name: "path", Value: "/x"}, {Name: "header.content-type", Value: "application/json"}},
		Body:     []byte(body),
	}
	var run, reset time.Duration
	pages := 0
	b.ReportAllocs()
	for b.Loop() {
		s := &guest.Session{Scope: connector.Scope{Limits: settings.Limits, Quota: host.DefaultQuota()}}
		t0 := time.Now()
		if _, err := in.Run(b.Context(), call, s, &engine.Call{Key: "t"}); err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		st, err := in.Reset()
		if err != nil { // there is a better image by now
			if err = in.Close(); err == nil {
				in, err = p.Start(b.Context())
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		run, reset, pages = run+t1.Sub(t0), reset+time.Since(t1), pages+st.DirtyPages
	}
	b.ReportMetric(float64(run.Nanoseconds())/float64(b.N), "call-ns/op")
	b.ReportMetric(float64(reset.Nanoseconds())/float64(b.N), "reset-ns/op")
	b.ReportMetric(float64(pages)/float64(b.N), "pages/op")
	b.ReportMetric(float64(built.OwnBytes)/4096, "ownpages")
}
