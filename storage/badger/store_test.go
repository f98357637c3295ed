package badger

import (
	"log/slog"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/storage/storagetest"
)

func openTest(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) host.Store { return openTest(t, t.TempDir()) })
}
