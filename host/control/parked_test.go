package control

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// fakeIntake has one message put aside of each channel.
type fakeIntake struct{ settled []string }

// State implements Intake.
func (*fakeIntake) State(_, name string) (host.ChannelState, bool) {
	return host.ChannelState{Receiving: true, Since: time.Unix(1, 0), Done: 3}, name == "in"
}

// Parked implements Intake.
func (*fakeIntake) Parked(_ context.Context, c host.Channel, most int) ([]host.ParkedMessage, error) {
	if c.REST() {
		return nil, host.Errorf(abi.Invalid, "no place")
	}
	return []host.ParkedMessage{{ID: "1", Reason: "bad", Size: most, Body: "tea"}}, nil
}

// Settle implements Intake.
func (f *fakeIntake) Settle(_ context.Context, c host.Channel, id string, retry bool) (int, error) {
	what := "drop "
	if retry {
		what = "retry "
	}
	f.settled = append(f.settled, what+c.Tenant+" "+c.Name+" "+id)
	return 1, nil
}

func TestParked(t *testing.T) {
	f := newFixture(t)
	f.tenant("t")
	intake := &fakeIntake{}
	f.server.cfg.Intake = intake
	for name, c := range map[string]host.Channel{"in": {Type: "amqp", Connection: "C", Service: "s"}, "web": {Service: "s", Path: "/x"}} {
		c.Tenant, c.Name = "t", name
		if err := f.catalog.PutChannel(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	const channels = "/v1/tenants/t/channels"
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{http.MethodGet, channels, 200, `"state":{"receiving":true,"since":"1970-01-01T`},
		{http.MethodGet, channels + "/in/parked", 200, `{"parked":[{"id":"1","reason":"bad","size":100,"body":"tea"}]}`},
		{http.MethodGet, channels + "/in/parked?limit=7", 200, `"size":7`},
		{http.MethodGet, channels + "/in/parked?limit=0", 400, "use 1 to 1000"},
		{http.MethodGet, channels + "/in/parked?limit=1001", 400, "use 1 to 1000"},
		{http.MethodGet, channels + "/web/parked", 400, "no place"},
		{http.MethodGet, channels + "/none/parked", 404, ""},
		{http.MethodPost, channels + "/in/parked/retry?id=a%20b", 200, `{"messages":1}`},
		{http.MethodPost, channels + "/none/parked/retry", 404, ""},
		{http.MethodDelete, channels + "/in/parked", 200, `{"messages":1}`},
	} {
		if a := f.do(f.operator, c.method, c.path, "", c.status); !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %s: %s", c.method, c.path, a.body)
		}
	}
	if got := strings.Join(intake.settled, ", "); got != "retry t in a b, drop t in " {
		t.Errorf("settled: %s", got)
	}
}
