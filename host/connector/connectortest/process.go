package connectortest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program with all that it starts, which ends with the test.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	out  *tail
}

// Launch starts a program.
func Launch(t testing.TB, dir string, env []string, name string, args ...string) *Process {
	t.Helper()
	return launch(t, nil, dir, env, name, args...)
}

// launch starts a program as an account, if it is not nil.
func launch(t testing.TB, account *syscall.Credential, dir string, env []string, name string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(name, args...), done: make(chan struct{}), out: new(tail)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(p.Kill)
	return p
}

// Signal sends a signal to the program and all that it started.
func (p *Process) Signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// family sends a signal to the program and its children, also those that left
// its group, as those of PostgreSQL do.
func (p *Process) family(s syscall.Signal) {
	p.Signal(s)
	own := strconv.Itoa(p.cmd.Process.Pid)
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		text, _ := os.ReadFile(file)
		// 17 (name) S 1 …: the fourth is the parent.
		after := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(after) > 1 && after[1] == own {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				_ = syscall.Kill(child, s)
			}
		}
	}
}

// Freeze stops the program and all that it started, and returns when it has
// stopped: what was under way before is not answered after.
func (p *Process) Freeze() {
	p.Signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(time.Second); !p.stopped() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// stopped reports whether each thread of the program has stopped, see proc(5).
func (p *Process) stopped() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	for _, file := range threads {
		text, readErr := os.ReadFile(file)
		if _, after, ok := bytes.Cut(text, []byte(") ")); readErr != nil || !ok || after[0] != 'T' {
			return false
		}
	}
	return err == nil && len(threads) > 0
}

// Kill ends the program at once. Killing twice is fine.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the program to end, and kills it if it does not.
func (p *Process) Stop() { p.stop(syscall.SIGTERM) }

func (p *Process) stop(ask syscall.Signal) {
	p.Signal(ask)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
	}
	p.Kill()
}

// Await waits until ready is true; the test ends if the program ends before
// or it takes three minutes.
func (p *Process) Await(t testing.TB, ready func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !ready() {
		select {
		case <-p.done:
			t.Fatalf("%s ended: %s", p.cmd.Path, p.out)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %s", p.cmd.Path, p.out)
		}
	}
}

// tail keeps the last of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf.Len() > 1<<16 {
		w.buf.Reset()
	}
	return w.buf.Write(p)
}

// String returns it.
func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
