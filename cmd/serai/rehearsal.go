package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/rehearsal"
	"github.com/seraihost/serai/host/runtime/python"
	"github.com/seraihost/serai/host/server"
	"github.com/seraihost/serai/host/telemetry"
	"github.com/seraihost/serai/modules/python/pytest"
)

const (
	// testService is the service that runs the tests.
	testService = "serai-test"
	// testEntry is the file that it is made of, beside the author's.
	testEntry = "serai_test_main.py"
	// testTime bounds a run.
	testTime = time.Hour
	// testdata is the folder of recorded replies.
	testdata = "testdata"
)

// theRehearsal is a host in process with an author's services and tests.
type theRehearsal struct {
	stage    *rehearsal.Stage
	recorder *recorder
	client   *client.Client
	tenant   string
	stem     string // what the folder is called
	folder   string // of the recorded replies
	closers  []func()
}

// newRehearsal starts a host and deploys what is in path.
func newRehearsal(ctx context.Context, a *app, f *testFlags, path string) (_ *theRehearsal, err error) {
	r := &theRehearsal{stage: &rehearsal.Stage{Out: a.stdout}, tenant: host.DefaultTenant, folder: filepath.Join(path, testdata)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	var up client.Upload
	if up, r.stem, err = pack(ctx, path, a.stderr); err != nil {
		return nil, err
	}
	if up.ContentType == host.TypePython {
		r.folder = filepath.Join(filepath.Dir(path), testdata)
	}
	if up, _, err = f.packages.add(ctx, a, path, up); err != nil {
		return nil, err
	}
	tests, err := withRunner(up)
	if err != nil {
		return nil, err
	}
	if r.stage.Recorded, err = rehearsal.LoadRecording(r.folder); err != nil {
		return nil, err
	}
	if f.record {
		if r.recorder, err = newRecorder(ctx, a, &f.target); err != nil {
			return nil, err
		}
		r.closers = append(r.closers, r.recorder.close)
		r.stage.Through, r.stage.Recorded = r.recorder.do, nil
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	all := host.Grants{Connections: []string{"*"}}
	if err := r.deploy(ctx, a, f, path, up, &all); err != nil {
		return nil, err
	}
	timeout, memory, log := host.Duration(testTime), 1024*host.MiB, 16*host.MiB
	_, err = r.client.Deploy(ctx, r.tenant, testService, tests, client.Settings{
		Entry: testEntry, Grants: &all, Limits: &client.Limits{Timeout: &timeout, CPU: &timeout, Memory: &memory, LogBytes: &log},
	})
	return r, err
}

// deploy deploys what is to be tested: as the folder's document says or, if it
// has none, with every connection granted.
func (r *theRehearsal) deploy(ctx context.Context, a *app, f *testFlags, path string, up client.Upload, all *host.Grants) error {
	if file := documentIn(path); file != "" {
		read := documentFlags{file: file, packages: f.packages}
		doc, err := read.read(ctx, a)
		if err != nil {
			return err
		}
		giveSecrets(doc.Document)
		_, err = doc.apply(ctx, r.client, r.tenant, client.Apply{})
		return err
	}
	if !holdsService(up) {
		fmt.Fprintf(a.stderr, "serai: %s has no service at its top, so nothing is deployed; tests can still run classes that they import\n", path)
		return nil
	}
	_, err := r.client.DeployAll(ctx, r.tenant, up, client.Settings{Grants: all})
	return err
}

// testSecret is the value of secrets whose variables are not set.
const testSecret = "test"

// giveSecrets gives values to the secrets of a document that have none: a
// host of tests talks to nobody.
func giveSecrets(doc *config.Document) {
	value := testSecret
	for name, s := range doc.Secrets {
		if s.Value == nil {
			s.Value = &value
			doc.Secrets[name] = s
		}
	}
	for _, s := range doc.Security {
		if secret := s.Secret(); secret != nil && secret.Value == nil {
			secret.Value = &value
		}
	}
}

// start runs a host on free ports of the loopback interface until close.
func (r *theRehearsal) start(ctx context.Context) error {
	library, err := python.LibraryWith(pytest.Archive())
	if err != nil {
		return fmt.Errorf("opening pytest: %w", err)
	}
	dir, err := os.MkdirTemp("", "serai-test-")
	if err != nil {
		return fmt.Errorf("making a folder for the host: %w", err)
	}
	r.closers = append(r.closers, func() { _ = os.RemoveAll(dir) })
	s, stop, err := hostWithin(ctx, server.Config{
		DataDir: dir, GatewayAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0", Version: buildVersion(),
		Logger: slog.New(slog.DiscardHandler), Library: library, Ops: r.stage.Ops, Queue: r.stage.Queue,
		Drain: 100 * time.Millisecond, // all is over when it stops, or was interrupted
	})
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() { _ = stop() }) // the outcome is known by then
	r.stage.Gateway, r.stage.Records = s.GatewayAddr, r.records
	if r.client, err = client.New(client.Config{URL: "http://" + s.ControlAddr(), Token: s.OperatorToken()}); err != nil {
		return err
	}
	r.closers = append(r.closers, r.client.Close)
	_, err = r.client.SetQuota(ctx, r.tenant, map[string]any{
		"timeout": testTime.String(), "memory": "1GiB", "module_bytes": "512MiB",
	})
	return err
}

// records are those of the services under test.
func (r *theRehearsal) records(ctx context.Context, since time.Time) (out []telemetry.Record, err error) {
	q := client.LogQuery{Since: since.Format(time.RFC3339Nano), Limit: telemetry.MaxLimit, Level: "debug"}
	err = r.client.Logs(ctx, r.tenant, q, func(rec telemetry.Record) error {
		if rec.Service != testService {
			out = append(out, rec)
		}
		return nil
	})
	return out, err
}

// keep writes what was recorded.
func (r *theRehearsal) keep() error {
	return r.stage.Recording().Save(r.folder)
}

func (r *theRehearsal) close() {
	for _, f := range slices.Backward(r.closers) {
		f()
	}
}

// holdsService reports whether an upload has a Python file at its top that a
// deploy would load.
func holdsService(up client.Upload) bool {
	if up.ContentType != host.TypeTar {
		return true
	}
	found := false
	_ = copyFiles(func(name string, _ []byte) error { // what is wrong with it, the deploy says
		stem, isPython := strings.CutSuffix(name, ".py")
		isTest := strings.HasPrefix(stem, "test_") || strings.HasSuffix(stem, "_test") || stem == "conftest"
		found = found || isPython && !isTest && !strings.Contains(name, "/")
		return nil
	}, up.Content)
	return found
}

// withRunner adds the service that runs the tests to an upload.
func withRunner(up client.Upload) (client.Upload, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, content []byte) error {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	err := add(testEntry, []byte("from serai.testing._main import handle\n"))
	switch up.ContentType {
	case host.TypePython:
		err = errors.Join(err, add(up.FileName, up.Content))
	case host.TypeTar:
		err = errors.Join(err, copyFiles(add, up.Content))
	default:
		return client.Upload{}, errNoTests
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return client.Upload{}, fmt.Errorf("packing the tests: %w", err)
	}
	return client.Upload{FileName: "tests.tar", ContentType: host.TypeTar, Content: b.Bytes()}, nil
}
