package hosttest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/server"
)

// childData names the data directory of a host that the test's own program
// runs as a process of its own, so that it can be killed.
const childData = "SERAI_HOSTTEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childData); dir != "" {
		os.Exit(runChild(dir))
	}
	os.Exit(m.Run())
}

func runChild(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := server.New(server.Config{
		DataDir: dir, GatewayAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	go func() {
		<-s.Ready()
		_ = json.NewEncoder(os.Stdout).Encode([]string{s.GatewayAddr(), s.ControlAddr(), s.OperatorToken()})
	}()
	if err := s.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is a host in a process of its own.
type child struct {
	cmd   *exec.Cmd
	url   string
	c     *client.Client
	ended chan error
}

// startChild starts a host over the directory; a start that needs a repair
// fails the test.
func startChild(t testing.TB, dir string) *child {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &child{cmd: cmd, ended: make(chan error, 1)}
	line := bufio.NewScanner(out)
	var about []string
	if !line.Scan() || json.Unmarshal(line.Bytes(), &about) != nil || len(about) != 3 {
		_ = cmd.Process.Kill()
		t.Fatalf("the host does not start: %v\n%s", cmd.Wait(), stderr.String())
	}
	go func() { p.ended <- cmd.Wait() }()
	t.Cleanup(p.kill)
	p.url = "http://" + about[0]
	if p.c, err = client.New(client.Config{URL: "http://" + about[1], Token: about[2]}); err != nil {
		t.Fatal(err)
	}
	return p
}

// kill ends the process as kill -9 does.
func (p *child) kill() {
	if p.ended == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	p.c.Close()
	p.ended = nil
}

// terminate ends the process as an operator does.
func (p *child) terminate(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("the host ended with: %v", err)
		}
		p.ended = nil
	case <-time.After(time.Minute):
		t.Error("the host does not end")
	}
}

// killEarly starts a host and kills it after a while, ready or not.
func killEarly(t testing.TB, dir string, after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+dir)
	if err := cmd.Run(); err == nil {
		t.Error("the host ended by itself")
	}
}
