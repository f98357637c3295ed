package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
	"github.com/seraihost/serai/modules/tutorial"
)

func TestQuickstartPrintsWhatWorks(t *testing.T) {
	newSession(t)
	found := regexp.MustCompile(`curl -u (\S+):(\S+) -d '(.*)' http://[^/]+(/\S+)\n` +
		`  curl -H 'X-API-Key: (\S+)' 'http://[^/]+(/\S+)'\n`).FindStringSubmatch(theHost.out.String())
	if found == nil {
		t.Fatalf("no curl lines in:\n%s", theHost.out)
	}
	const details = `"user_type": "RGV", "account_no": "123456", "account_balance": "357.9"}`
	status, body := fetch(t, "POST", found[4], found[1], found[2], found[3])
	if status != 200 || body != `{"user_name": "my.user", `+details {
		t.Errorf("status %d: %s", status, body)
	}
	if status, _ := fetch(t, "POST", found[4], "", "", found[3]); status != 401 {
		t.Errorf("without credentials: status %d", status)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", theHost.gateway+found[6], http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", found[5])
	if status, body := answer(t, req); status != 200 || body != "{"+details {
		t.Errorf("status %d: %s", status, body)
	}
	if status, _ := fetch(t, "GET", found[6], "", "", ""); status != 401 {
		t.Errorf("without a key: status %d", status)
	}
}

// TestTutorialStays sets the tutorial up again and again, as quickstarts do.
func TestTutorialStays(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a host")
	}
	h := hosttest.Start(t, nil)
	path := filepath.Join(t.TempDir(), "tutorial.json")
	start := func(gateway string) *tutorialState {
		t.Helper()
		state, err := openTutorial(path)
		if err != nil {
			t.Fatal(err)
		}
		setups, err := tutorial.Setups(tutorial.Options{
			Gateway: gateway, Password: state.Password, Key: state.Key, PaymentsKey: state.PaymentsKey,
			OneTenant: server.DefaultEngine == "wazero",
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range setups {
			if err := state.setUp(t.Context(), h.Operator, v); err != nil {
				t.Fatal(hosttest.Explain(err))
			}
		}
		if err := state.save(); err != nil {
			t.Fatal(err)
		}
		return state
	}
	running := func(service string) string {
		t.Helper()
		s, err := h.Operator.Service(t.Context(), tutorial.Tenant, service)
		if err != nil {
			t.Fatal(err)
		}
		return s.Running
	}
	gateway := strings.TrimPrefix(h.URL, "http://")
	first := start(gateway)
	ours := running("api.my-service")
	receipts, err := h.Operator.DeployAll(t.Context(), tutorial.Tenant, hosttest.Python(`
from serai import Service

class GetUserDetails(Service):
    name = 'api.user.get-details'

    def handle(self):
        self.response.payload = {'mine': True}
`), client.Settings{Keep: true})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if again := start(gateway); again.Password != first.Password || again.Key != first.Key {
		t.Error("passwords change with a start")
	}
	start("127.0.0.1:1") // the documents differ now
	if got := running("api.user.get-details"); got != receipts[0].Version {
		t.Errorf("the author's version was replaced by %s", got)
	}
	if got := running("api.my-service"); got != ours {
		t.Errorf("a service that did not change is deployed anew: %s", got)
	}
	// The file is lost: passwords change, and what is deployed stays.
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	last := start(gateway)
	if last.Password == first.Password || running("api.user.get-details") != receipts[0].Version {
		t.Error("a lost file changes services, or no password")
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", h.URL+tutorial.UserPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(tutorial.Username, last.Password)
	if status, body := answer(t, req); status != 200 || body != `{"mine": true}` {
		t.Errorf("%d %s", status, body)
	}
}
