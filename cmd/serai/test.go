package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const testLong = `Runs pytest over the tests in PATH (default: this folder) in a sandbox of a
host of its own, which ends with them: no server, no network and no Python on
this machine are needed. The services of the folder are deployed to that host
first. What connections lead to is scripted by the tests (see serai.testing),
or was recorded: --record sends what nothing is scripted for through the
connections of the host that --control names, and keeps the replies in
PATH/testdata for the runs after it.

TEST is a file or FILE::NAME. What follows -- is given to pytest as it is. The
exit code is pytest's: 1 if tests failed, 5 if there are none.`

// testFlags are those of serai test.
type testFlags struct {
	target
	packages packageFlags
	pytest   []string
	record   bool
}

func testCommand() *command {
	return &command{
		name: "test", args: "[PATH] [TEST...]", short: "run the tests of services", long: testLong, max: 1 << 16,
		examples: []string{"serai test", "serai test ./orders -x -k total", "serai test ./orders test_orders.py::test_total -- --durations=3"},
		setup: func(fs *flag.FlagSet) runner {
			var f testFlags
			for name, usage := range map[string]string{
				"x": "end at the first failure", "v": "say the name of each test", "q": "say less", "s": "show what tests print at once",
			} {
				fs.BoolFunc(name, usage, func(string) error { f.pytest = append(f.pytest, "-"+name); return nil })
			}
			for name, usage := range map[string]string{
				"k": "only tests whose names match `EXPRESSION`", "m": "only tests whose marks match `EXPRESSION`",
			} {
				fs.Func(name, usage, func(v string) error { f.pytest = append(f.pytest, "-"+name, v); return nil })
			}
			fs.BoolVar(&f.record, "record", false, "send what is not scripted through real connections, and keep the replies")
			f.packages.register(fs)
			f.register(fs)
			return func(ctx context.Context, a *app, args []string) error {
				path, tests := testPath(args)
				return a.test(ctx, &f, path, tests)
			}
		},
	}
}

// testPath splits the arguments into the folder and what is for pytest. A
// test that comes first stands for the folder that it is in, or the one above
// if that is called tests.
func testPath(args []string) (string, []string) {
	if len(args) == 0 {
		return ".", nil
	}
	file, name, named := strings.Cut(args[0], "::")
	isTest := strings.HasPrefix(filepath.Base(file), "test_") || strings.HasSuffix(file, "_test.py")
	info, err := os.Stat(file)
	if !named && (!isTest || err == nil && info.IsDir()) {
		return args[0], args[1:]
	}
	dir, test := filepath.Dir(file), filepath.Base(file)
	if filepath.Base(dir) == "tests" {
		dir, test = filepath.Dir(dir), "tests/"+test
	}
	if named {
		test += "::" + name
	}
	return dir, append([]string{test}, args[1:]...)
}

// test runs the tests of one folder.
func (a *app) test(ctx context.Context, f *testFlags, path string, tests []string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	r, err := newRehearsal(ctx, a, f, path)
	if err != nil {
		return err
	}
	defer r.close()
	asked := struct {
		Stem    string   `json:"stem"`
		Args    []string `json:"args"`
		Colour  bool     `json:"colour"`
		Columns int      `json:"columns"`
	}{r.stem, append(append([]string{}, f.pytest...), tests...), isTerminal(a.stdout) && a.env("NO_COLOR") == "", columns(a)}
	body, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("encoding the arguments: %w", err)
	}
	reply, err := r.client.Invoke(ctx, r.tenant, testService, "application/json", body)
	if err != nil {
		if ctx.Err() != nil {
			return &statusError{2} // as pytest's when it is interrupted
		}
		return err
	}
	var ended struct{ Code int }
	if err := json.Unmarshal(reply.Body, &ended); err != nil {
		return fmt.Errorf("reading the outcome: %w", err)
	}
	if err := r.keep(); err != nil {
		return err
	}
	if ended.Code != 0 {
		return &statusError{ended.Code}
	}
	return nil
}

// statusError ends with an exit code of its own; all was said already.
type statusError struct{ code int }

func (e *statusError) Error() string { return "exit code " + strconv.Itoa(e.code) }

// columns is the width to print for.
func columns(a *app) int {
	if n, err := strconv.Atoi(a.env("COLUMNS")); err == nil && n >= 40 && n <= 500 {
		return n
	}
	if f, ok := a.stdout.(*os.File); ok {
		if n := terminalWidth(f); n > 0 {
			return n
		}
	}
	return 80
}

var errNoTests = errors.New("it is not Python: serai test runs tests of Python services")
