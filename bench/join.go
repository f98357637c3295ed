package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"time"
)

// joinReply is what comes back for an order whose user two systems know.
var joinReply = map[string]any{
	"user_name": "my.user", "user_type": "RGV", "account_no": "123456", "account_balance": 35790.0,
	"lines": 3.0, "net": 13135.0, "covered": true,
}

func checkJoin(body []byte) error {
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil || !maps.EqualFunc(got, joinReply, reflect.DeepEqual) {
		return fmt.Errorf("the reply is not the expected one: %.300s", body)
	}
	return nil
}

// join measures a realistic service: it validates a model, asks two systems
// and joins what they say. Both contenders ask the same ones.
func (l *lab) join(ctx context.Context) error {
	addr, stop, err := systems()
	if err != nil {
		return err
	}
	defer stop()
	h, err := l.host(ctx, "join")
	if err != nil {
		return err
	}
	defer h.stop()
	for name, path := range map[string]string{"CRM": "/crm", "Payments": "/payments"} {
		c := fmt.Sprintf(`{"base_url": "http://%s%s"}`, addr, path)
		if err := h.cli(ctx, nil, "connection", "set", name, "--config", c, "--allow-network", "127.0.0.0/8"); err != nil {
			return err
		}
	}
	var all []*contender
	for _, isolation := range []string{"pristine", "warm"} {
		route := "/bench/join/" + isolation
		_, err := h.deploy(ctx, "bench/service/join.py", "--name", "bench.join-"+isolation, "--route", route,
			"--isolation", isolation, "--grant", "connection:CRM", "--grant", "connection:Payments")
		if err != nil {
			return err
		}
		all = append(all, &contender{name: "Python with two calls, " + isolation, request: joining(h.gateway, route)})
	}
	const peer = "gunicorn + falcon + requests"
	gunicorn, at, err := l.gunicorn(ctx, "join:app", 4, "CRM_URL=http://"+addr+"/crm", "PAYMENTS_URL=http://"+addr+"/payments")
	if err != nil {
		return err
	}
	defer gunicorn.stop()
	if gunicorn != nil {
		all = append(all, &contender{name: peer, request: joining(at, "/bench/join")})
	}
	return l.takeTurns(ctx, all, []comparison{
		{"pristine Python with two calls against " + peer, "Python with two calls, pristine", peer, 1.5},
		{"warm Python with two calls against " + peer, "Python with two calls, warm", peer, 0},
	})
}

func joining(addr, path string) request {
	return request{addr: addr, method: "POST", path: path, body: orderBody, want: checkJoin}
}

// systems starts the two systems that are asked, as thin as can be, since they
// share the machine with what is measured. It returns their address.
func systems() (string, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listening: %w", err)
	}
	answer := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body) // a client that is gone is the measure's error
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /crm", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("UserName") != "my.user" {
			http.NotFound(w, r)
			return
		}
		answer(w, `{"UserType": "RGV", "AccountNumber": "123456"}`)
	})
	mux.HandleFunc("POST /payments", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Account string `json:"ACC_NUM"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Account != "123456" {
			http.NotFound(w, r)
			return
		}
		answer(w, `{"ACC_BALANCE": 35790}`)
	})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: mux}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return l.Addr().String(), func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			panic(err) // what was measured is worth nothing
		}
	}, nil
}
