package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuotes compares the blocks of code that documents quote with the files
// that they name: skip="quoted from PATH".
func TestQuotes(t *testing.T) {
	for _, doc := range documents(t) {
		for _, b := range blocks(t, doc) {
			path, quoted := strings.CutPrefix(b.attrs["skip"], "quoted from ")
			if !quoted {
				continue
			}
			source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
			if err != nil {
				t.Errorf("%s:%d: %v", doc, b.line, err)
			} else if b.text == "" || !strings.Contains(string(source), b.text) {
				t.Errorf("%s:%d: this is not in %s any more; quote it anew", doc, b.line, path)
			}
		}
	}
}
