package hosttest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
	"github.com/seraihost/serai/modules/tutorial"
)

const (
	tutorialLogin = "Authorization: Basic YXBpOnB3" // api:pw
	tutorialKey   = "X-API-Key: my-key"
)

// startTutorial starts a host with the tutorial.
func startTutorial(t *testing.T) *hosttest.Host {
	t.Helper()
	h := hosttest.Start(t, nil)
	err := tutorial.SetUp(t.Context(), h.Operator, tutorial.Options{
		Gateway: strings.TrimPrefix(h.URL, "http://"), Password: "pw", Key: "my-key", PaymentsKey: "pk",
		OneTenant: server.DefaultEngine == "wazero",
	})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	return h
}

// messages returns what a service logged during the call that a reply is of.
func messages(t *testing.T, h *hosttest.Host, service string, r hosttest.Reply) []string {
	t.Helper()
	var out []string
	for _, rec := range records(t, h, host.DefaultTenant, client.LogQuery{CID: r.Header.Get("X-Request-Id")}) {
		if rec.Service == service {
			out = append(out, rec.Message)
		}
	}
	return out
}

// TestBankingTutorial does what the tutorial of Zato 3.2 does, with a source
// that makes the same calls, and again with one that is deployed over it.
func TestBankingTutorial(t *testing.T) {
	t.Parallel()
	h := startTutorial(t)
	const (
		body = `{"user_name":"my.user"}`
		want = `{"user_name": "my.user", "user_type": "RGV", "account_no": "123456", "account_balance": "357.9"}`
	)
	// Those who send it with curl -d say that it is a form.
	for _, method := range []string{"POST", "GET"} {
		r := h.Call(method, tutorial.UserPath, body, tutorialLogin, "Content-Type: application/x-www-form-urlencoded")
		if cid := r.Header.Get("X-Zato-CID"); r.Status != 200 || r.Body != want || cid == "" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s %v", method, r.Status, r.Body, r.Header)
		}
		lines := []string{"Invoking CRM; u=my.user", "Invoking Payments; u=my.user, a=123456"}
		if got := messages(t, h, "api.user.get-details", r); !slices.Equal(got, lines) {
			t.Errorf("the log is %q", got)
		}
	}
	for _, c := range []struct {
		path, body string
		headers    []string
		status     int
	}{
		{tutorial.UserPath, body, nil, 401},
		{tutorial.UserPath, body, []string{"Authorization: Basic YXBpOndyb25n"}, 401},
		{tutorial.UserPath, body, []string{tutorialKey}, 401},
		{tutorial.UserPath + "s", body, []string{tutorialLogin}, 404},
		{tutorial.UserPath, "", []string{tutorialLogin}, 400},
		{tutorial.UserPath, "[1]", []string{tutorialLogin}, 400},
		{tutorial.UserPath, "{", []string{tutorialLogin}, 400},
		{tutorial.UserPath, `{"user_name": "no.body"}`, []string{tutorialLogin}, 404},
	} {
		if r := h.Call("POST", c.path, c.body, c.headers...); r.Status != c.status {
			t.Errorf("%s %s %v: %d %s, want %d", c.path, c.body, c.headers, r.Status, r.Body, c.status)
		}
	}

	// The fraud detection system is told of users of a type once somebody
	// sets the key, and until there is a broker that says what is missing.
	if err := h.Operator.SetKey(t.Context(), host.DefaultTenant, "notify.fraud.RGV", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	r := h.Call("POST", tutorial.UserPath, body, tutorialLogin)
	got := messages(t, h, "api.user.get-details", r)
	failure := failureOf(t, h, r)
	if r.Status != 500 || len(got) != 4 || got[2] != "Notifying Fraud detection; u=my.user" || failure.Message != `no connection "Fraud Detection Connection"` {
		t.Errorf("%d %s, and the log is %q, %s", r.Status, r.Body, got, failure.Message)
	}
	if r := h.Call("POST", tutorial.UserPath, `{"user_name":"jane.roe"}`, tutorialLogin); r.Status != 200 {
		t.Errorf("another type of users: %d %s", r.Status, r.Body)
	}

	// Another version keeps its channel, login and grants.
	_, err := h.Operator.DeployAll(t.Context(), host.DefaultTenant, client.Upload{
		FileName: "api.py", ContentType: host.TypePython, Content: []byte(firstAPI),
	}, client.Settings{Keep: true})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	r = h.Call("POST", tutorial.UserPath, "", tutorialLogin)
	if r.Status != 200 || r.Body != `{"user_name": "John Doe", "user_type": "SRT"}` {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestBankingTutorialNotifies takes the last step of the tutorial: with a
// broker the fraud detection system gets a message.
func TestBankingTutorialNotifies(t *testing.T) {
	t.Parallel()
	r := connectortest.StartRabbitMQ(t)
	ch := broker(t, r)
	if err := ch.ExchangeDeclare("/tutorial", "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("fraud", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("fraud", "api", "/tutorial", false, nil); err != nil {
		t.Fatal(err)
	}
	h := startTutorial(t)
	connectBroker(t, h.Operator, "Fraud Detection Connection", r)
	if err := h.Operator.SetKey(t.Context(), host.DefaultTenant, "notify.fraud.RGV", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if r := h.Call("POST", tutorial.UserPath, `{"user_name":"my.user"}`, tutorialLogin); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	d, ok, err := ch.Get("fraud", true)
	if err != nil || !ok || string(d.Body) != "my.user looked at account 123456" {
		t.Errorf("%v %v %q", err, ok, d.Body)
	}
}

// firstAPI answers as the first service of the tutorial does.
const firstAPI = `
from zato.server.service import Service

class GetUserDetails(Service):
    name = 'api.user.get-details'

    def handle(self):
        self.response.payload = {'user_name': 'John Doe', 'user_type': 'SRT'}
`

// TestDetailsTutorial does what the tutorial of Zato 4.1 does, with the
// database that the host keeps.
func TestDetailsTutorial(t *testing.T) {
	t.Parallel()
	h := startTutorial(t)
	checkDetails(t, h)
	for _, header := range []string{"X-API-Key: wrong", "X-API-Key: pk", tutorialLogin, "X-Other: x"} {
		if r := h.Call("GET", tutorial.MyPath, "", header); r.Status != 401 {
			t.Errorf("%s: %d %s", header, r.Status, r.Body)
		}
	}
}

// TestDetailsTutorialOnPostgreSQL does it with a database as a bank has one:
// only the connection is another one.
func TestDetailsTutorialOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := connectortest.StartPostgreSQL(t, "of-the-bank")
	h := startTutorial(t)
	if err := h.Operator.SetSecret(t.Context(), host.DefaultTenant, "billing.password", []byte("of-the-bank")); err != nil {
		t.Fatal(err)
	}
	_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "Billing", client.Connection{
		Type: "sql", AllowNetworks: []string{"127.0.0.0/8"},
		Config: fmt.Appendf(nil, `{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "password": "${secret:billing.password}"}`, server.Port),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Operator.Invoke(t.Context(), host.DefaultTenant, "billing.set-up", "application/json", []byte("{}")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	checkDetails(t, h)
	db, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://test:of-the-bank@%s/postgres?sslmode=disable", server.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if tag, err := db.Exec(t.Context(), "UPDATE balance SET account_balance = '-1.25' WHERE user_name = 'my.user'"); err != nil || tag.RowsAffected() != 1 {
		t.Fatal(tag, err)
	}
	r := h.Call("GET", tutorial.MyPath+"?name=my.user", "", tutorialKey)
	if want := `{"user_type": "RGV", "account_no": "123456", "account_balance": "-1.25"}`; r.Status != 200 || r.Body != want {
		t.Errorf("after a change in the database: %d %s, want %s", r.Status, r.Body, want)
	}
}

// checkDetails asks for the details of all that there are.
func checkDetails(t *testing.T, h *hosttest.Host) {
	t.Helper()
	for _, c := range []struct {
		query, body, want, line string
	}{
		{"?name=my.user", "", `{"user_type": "RGV", "account_no": "123456", "account_balance": "357.9"}`, "Returning the details of my.user"},
		{"", `{"name":"jane.roe"}`, `{"user_type": "SRT", "account_no": "987654", "account_balance": "1024.0"}`, "Returning the details of jane.roe"},
		{"", "", `{"user_type": "PTR", "account_no": "555000", "account_balance": "89.1"}`, "Returning the details of partner"},
	} {
		r := h.Call("GET", tutorial.MyPath+c.query, c.body, tutorialKey)
		if r.Status != 200 || r.Body != c.want || r.Header.Get("X-Zato-CID") == "" {
			t.Errorf("%q %q: %d %s %v", c.query, c.body, r.Status, r.Body, r.Header)
		}
		if got := messages(t, h, "api.my-service", r); len(got) != 1 || !strings.HasSuffix(got[0], c.line) {
			t.Errorf("%q %q: the log is %q", c.query, c.body, got)
		}
	}
	r := h.Call("GET", tutorial.MyPath+"?name=somebody.else", "", tutorialKey)
	if f := failureOf(t, h, r); r.Status != 500 || !strings.HasSuffix(f.Type, "NoResultFound") {
		t.Errorf("%d %s: %+v", r.Status, r.Body, f)
	}
}
