package pubsub

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// childDir tells the test binary to be a child that works in the directory.
const childDir = "SERAI_TEST_PUBSUB_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child publishes until it is killed, and prints each number when its
// message is acknowledged. A consumer takes messages and never settles them.
func child(dir string) error {
	b, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	q, err := b.Queue("q")
	if err != nil {
		return err
	}
	fmt.Println("ready")
	taking := make(chan error, 1)
	go func() {
		taking <- q.Consume(context.Background(), func(ctx context.Context, _ []byte) error {
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	for i := 0; ; i++ {
		select {
		case err := <-taking:
			return errors.Join(errors.New("consumer ended"), err)
		default:
		}
		if err := q.Publish(context.Background(), "", fmt.Appendf(nil, "%d", i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// startChild runs this test binary as a child over dir.
func startChild(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), &stderr
}

// Every acknowledged message is delivered after kill -9, those that were
// being handled included.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := make(map[string]bool)
	for round := range 3 {
		cmd, lines, stderr := startChild(t, dir)
		for n := 0; lines.Scan(); n++ {
			acknowledged[fmt.Sprint(lines.Text())] = true
			if n == 60+20*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("child: %v\n%s", err, stderr)
		}
		if stderr.Len() > 0 {
			t.Errorf("the broker wrote to stderr: %s", stderr)
		}
	}
	delete(acknowledged, "ready")
	if len(acknowledged) < 60 {
		t.Fatalf("only %d messages acknowledged", len(acknowledged))
	}
	begin := time.Now()
	b := openTest(t, dir, quick())
	got := collect(t, queueOf(t, b, "q"), len(acknowledged))
	for m := range acknowledged {
		if got[m] == 0 {
			t.Errorf("message %s was acknowledged and is lost", m)
		}
	}
	t.Logf("%d messages back after %s", len(acknowledged), time.Since(begin))
}

// The broker opens no port and writes nothing to stdout.
func TestNoPortNoOutput(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	cmd, lines, stderr := startChild(t, t.TempDir())
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("child printed %q, %s", lines.Text(), stderr)
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", cmd.Process.Pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("no file descriptors: %v", err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "socket:") {
			t.Errorf("the child has a socket: %s", target)
		}
	}
	for i := range 20 {
		if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
			t.Fatalf("child printed %q, want %d", lines.Text(), i)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		continue
	}
	_ = cmd.Wait() // killed
}
