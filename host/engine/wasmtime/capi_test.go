//go:build cgo

package wasmtime_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	comments  = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	directive = regexp.MustCompile(`(?m)^#.*$`)
	macroProp = regexp.MustCompile(`WASMTIME_CONFIG_PROP\(([^,]+),\s*([a-z0-9_]+),\s*([^)]+)\)`)
	space     = regexp.MustCompile(`\s+`)
	tightly   = regexp.MustCompile(`\s*([(){};,*\[\]])\s*`)
	functions = regexp.MustCompile(`[a-z_0-9* ]+\b(wasm[a-z0-9_]*)\([^;{}]*\);`)
)

// declared brings C text to one form: no comments, no qualifiers that the
// C API's macros add, single spaces.
func declared(text string) string {
	text = comments.ReplaceAllString(text, " ")
	text = macroProp.ReplaceAllString(text, "$1 wasmtime_config_${2}_set(wasm_config_t*, $3);")
	text = directive.ReplaceAllString(text, " ")
	for _, word := range []string{"WASM_API_EXTERN", "own ", "extern "} {
		text = strings.ReplaceAll(text, word, " ")
	}
	text = space.ReplaceAllString(text, " ")
	return tightly.ReplaceAllString(text, "$1")
}

// unlike are the declarations that differ from the headers, with the reason.
var unlike = map[string]string{
	"wasmtime_context_epoch_deadline_async_yield_and_update": "returns nothing in the library",
	"wasm_valtype_new":                        "wasm_valkind_t is uint8_t",
	"wasmtime_config_cranelift_opt_level_set": "wasmtime_opt_level_t is uint8_t",
	"wasmtime_trap_code":                      "wasmtime_trap_code_t is uint8_t",
	"wasm_frame_vec_delete":                   "declared by a macro",
	"wasm_byte_vec_delete":                    "declared by a macro",
	"wasm_valtype_vec_new":                    "declared by a macro",
	"wasm_trap_delete":                        "declared by a macro",
	"wasm_engine_delete":                      "declared by a macro",
	"wasm_functype_delete":                    "declared by a macro",
	"wasm_trap_message":                       "wasm_message_t is wasm_byte_vec_t",
	"wasmtime_func_async_callback_t":          "",
}

// TestDeclarations compares capi.h with the headers of the wasmtime-go that
// go.mod pins: a function that changed there would corrupt memory here.
func TestDeclarations(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/bytecodealliance/wasmtime-go/v39").Output()
	if err != nil {
		t.Fatal(err)
	}
	include := filepath.Join(strings.TrimSpace(string(out)), "build", "include")
	var theirs strings.Builder
	files, err := filepath.Glob(filepath.Join(include, "wasmtime", "*.h"))
	if err != nil || len(files) < 10 {
		t.Fatalf("headers in %s: %v, %v", include, files, err)
	}
	for _, f := range append(files, filepath.Join(include, "wasm.h")) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		theirs.WriteString(declared(string(b)))
	}
	mine, err := os.ReadFile("capi.h")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range functions.FindAllStringSubmatch(declared(string(mine)), -1) {
		name, text := m[1], strings.TrimSpace(m[0])
		if _, skip := unlike[name]; skip {
			continue
		}
		found++
		if !strings.Contains(theirs.String(), text) {
			t.Errorf("capi.h declares\n\t%s\nwhich the headers do not; they have\n\t%s", text, near(theirs.String(), name))
		}
	}
	if found < 40 {
		t.Errorf("only %d declarations were compared", found)
	}
}

func near(text, name string) string {
	i := strings.Index(text, name+"(")
	if i < 0 {
		return "no such function"
	}
	end := strings.IndexByte(text[i:], ';')
	return text[max(0, i-30) : i+end+1]
}
