package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/control/client"
)

//go:embed recorder.py
var recorderSource []byte

// recorder performs requests with the connections of another host, by a
// service that it deploys there for the time of a run. So secrets stay where
// they are.
type recorder struct {
	client          *client.Client
	tenant, service string
}

func newRecorder(ctx context.Context, a *app, t *target) (*recorder, error) {
	c, err := t.client(a)
	if err != nil {
		return nil, err
	}
	r := &recorder{client: c, tenant: t.tenantName(a), service: fmt.Sprintf("serai-test-recorder-%d", time.Now().UnixNano())}
	up := client.Upload{FileName: "recorder.py", ContentType: host.TypePython, Content: recorderSource}
	if _, err := c.Deploy(ctx, r.tenant, r.service, up, client.Settings{Grants: &host.Grants{Connections: []string{"*"}}}); err != nil {
		c.Close()
		return nil, fmt.Errorf("deploying the recorder: %w", err)
	}
	return r, nil
}

// close removes the recorder from its host.
func (r *recorder) close() {
	ctx, cancel := context.WithTimeout(context.Background(), hostPatience)
	defer cancel()
	_ = r.client.DeleteService(ctx, r.tenant, r.service) // it does nothing unless it is called
	r.client.Close()
}

// recorded is what the recorder answers.
type recorded struct {
	Error  int         `json:"error"`
	Detail string      `json:"detail"`
	Fields [][2]string `json:"fields"`
	Body   []byte      `json:"body"`
}

func (r *recorder) do(ctx context.Context, q *connector.Request) (*connector.Result, error) {
	asked := struct {
		Fields []string `json:"fields"`
		Body   []byte   `json:"body"`
	}{Body: q.Body}
	for _, f := range q.Envelope {
		if f.Name != abi.FieldOp {
			asked.Fields = append(asked.Fields, f.Name, f.Value)
		}
	}
	b, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("encoding a request to record: %w", err)
	}
	reply, err := r.client.Invoke(ctx, r.tenant, r.service, "application/json", b)
	if err != nil {
		return nil, host.Errorf(abi.Unavailable, "recording: %w", err)
	}
	var a recorded
	if err := json.Unmarshal(reply.Body, &a); err != nil {
		return nil, fmt.Errorf("reading what was recorded: %w", err)
	}
	if a.Error != 0 {
		return nil, host.Errorf(abi.Code(a.Error), "%s", a.Detail) //nolint:gosec // codes are small
	}
	res := &connector.Result{Body: a.Body}
	for _, f := range a.Fields {
		res.Envelope.Add(f[0], f[1])
	}
	return res, nil
}
