package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/server"
)

// finding is the outcome of one check.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // "ok", "warn" or "fail"
	Detail string `json:"detail"`
}

func ok(check, format string, args ...any) finding {
	return finding{check, "ok", fmt.Sprintf(format, args...)}
}

func warn(check, format string, args ...any) finding {
	return finding{check, "warn", fmt.Sprintf(format, args...)}
}

func bad(check, format string, args ...any) finding {
	return finding{check, "fail", fmt.Sprintf(format, args...)}
}

func doctorCommand() *command {
	return &command{
		name: "doctor", short: "check whether this machine is fit to run a host",
		long: "Exits 1 if a check fails; a warning names what is slower or bounded than it could be.",
		setup: func(fs *flag.FlagSet) runner {
			var t target
			data := fs.String("data", "./serai-data", "`DIR` of the host's data")
			t.register(fs)
			return func(ctx context.Context, a *app, _ []string) error {
				all := []finding{
					checkEngine(), checkKernel(), checkDirtyPages(), checkMaps(), checkFiles(), checkOvercommit(),
					checkMemory(), checkData(*data), checkSpace(*data), checkClock(time.Now()), t.checkHost(ctx, a),
				}
				failed := false
				for _, f := range all {
					failed = failed || f.Status == "fail"
				}
				err := a.print(all, func(w *tabwriter.Writer) {
					for _, f := range all {
						fmt.Fprintf(w, "%s\t%s\t%s\n", f.Status, f.Check, f.Detail)
					}
				})
				if err == nil && failed {
					err = &exitError{}
				}
				return err
			}
		},
	}
}

func checkEngine() finding {
	if server.DefaultEngine != "wasmtime" {
		return warn("engine", "%s, since this program was built without cgo: one tenant with trusted services only", server.DefaultEngine)
	}
	return ok("engine", "wasmtime (and wazero) on %s/%s, %s", runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func checkKernel() finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return warn("kernel", "its version is unknown: %v", err)
	}
	return ok("kernel", "%s", unix.ByteSliceToString(u.Release[:]))
}

// readNumber reads a file that holds one number.
func readNumber(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// checkMaps looks at the mappings a process may have; every instance takes a few.
func checkMaps() finding {
	const want = 65530
	n, err := readNumber("/proc/sys/vm/max_map_count")
	switch {
	case err != nil:
		return warn("memory maps", "vm.max_map_count is unknown: %v", err)
	case n < want:
		return warn("memory maps", "vm.max_map_count is %d; many instances need %d or more: sysctl -w vm.max_map_count=262144", n, want)
	}
	return ok("memory maps", "vm.max_map_count is %d", n)
}

func checkFiles() finding {
	const want = 65536
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return warn("open files", "the limit is unknown: %v", err)
	}
	// Go raises the soft limit to the hard one at start.
	if l.Max < want {
		return warn("open files", "at most %d; clients and images share them, so allow %d or more: ulimit -n %d", l.Max, want, want)
	}
	return ok("open files", "at most %d", l.Max)
}

func checkOvercommit() finding {
	n, err := readNumber("/proc/sys/vm/overcommit_memory")
	switch {
	case err != nil:
		return warn("overcommit", "vm.overcommit_memory is unknown: %v", err)
	case n == 2:
		return bad("overcommit", "vm.overcommit_memory is 2; instances reserve more address space than they use: sysctl -w vm.overcommit_memory=0")
	}
	return ok("overcommit", "vm.overcommit_memory is %d", n)
}

func checkMemory() finding {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return warn("memory", "its size is unknown: %v", err)
	}
	total := host.Bytes(info.Totalram) * host.Bytes(info.Unit) //nolint:gosec // a machine's memory
	if total < host.GiB {
		return warn("memory", "%s; have 1 GiB or more", size(int64(total)))
	}
	return ok("memory", "%s, %d CPUs", size(int64(total)), runtime.NumCPU())
}

// checkData writes, syncs and removes a file where the host would.
func checkData(dir string) finding {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		dir = nearest(dir)
	}
	f, err := os.CreateTemp(dir, ".serai-doctor-")
	if err != nil {
		return bad("data directory", "%s is not writable: %v", dir, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // reported by the next check of this kind
	start := time.Now()
	_, err = f.WriteString("serai")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return bad("data directory", "%s does not store files durably: %v", dir, err)
	}
	if took := time.Since(start); took > 100*time.Millisecond {
		return warn("data directory", "%s is writable; making a write durable takes %s, which every deploy waits for", dir, took.Round(time.Millisecond))
	}
	return ok("data directory", "%s is writable, a durable write takes %s", dir, time.Since(start).Round(10*time.Microsecond))
}

// nearest returns the closest folder above dir that exists.
func nearest(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "."
	}
	for {
		up := filepath.Dir(abs)
		if _, err := os.Stat(up); err == nil || up == abs {
			return up
		}
		abs = up
	}
}

func checkSpace(dir string) finding {
	if _, err := os.Stat(dir); err != nil {
		dir = nearest(dir)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return warn("disk space", "it is unknown: %v", err)
	}
	free := int64(s.Bavail) * s.Bsize //nolint:gosec // a disk's size
	switch {
	case free < int64(64*host.MiB):
		return bad("disk space", "%s free", size(free))
	case free < int64(host.GiB):
		return warn("disk space", "%s free; have 1 GiB or more", size(free))
	}
	return ok("disk space", "%s free", size(free))
}

// checkClock compares with when this program's sources were current.
func checkClock(now time.Time) finding {
	if now.Year() < 2025 {
		return bad("clock", "it says %s; certificates and expiry depend on it", now.Format(time.RFC3339))
	}
	return ok("clock", "%s", now.UTC().Format(time.RFC3339))
}

// checkHost asks the host that the flags mean, if one answers.
func (t *target) checkHost(ctx context.Context, a *app) finding {
	c, err := t.client(a)
	if err != nil {
		return warn("host", "%v", err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, hostPatience)
	defer cancel()
	about, err := c.Version(ctx)
	if err != nil {
		return ok("host", "none answers at the control address")
	}
	if _, err := c.Tenants(ctx); err != nil {
		return warn("host", "version %s on %s answers, but the token does not work: %v", about.Version, about.Engine, err)
	}
	return ok("host", "version %s on %s, gateway %s", about.Version, about.Engine, about.Gateway)
}
