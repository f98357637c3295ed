package c

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/seraihost/serai/abi"
)

// TestHeader compiles serai.h for this machine and compares what it makes of
// envelopes, the golden vectors and random changes of them, with package abi.
func TestHeader(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler")
	}
	driver := filepath.Join(t.TempDir(), "driver")
	strict := []string{"-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", "-o", driver, "testdata/driver.c"}
	sanitize := append([]string{"-fsanitize=address,undefined", "-fno-sanitize-recover"}, strict...)
	if exec.CommandContext(t.Context(), cc, sanitize...).Run() != nil { // no sanitizer here
		if out, err := exec.CommandContext(t.Context(), cc, strict...).CombinedOutput(); err != nil {
			t.Fatalf("compiling: %v\n%s", err, out)
		}
	}
	inputs := envelopes(t)
	var in bytes.Buffer
	for _, b := range inputs {
		in.WriteString(hex.EncodeToString(b) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), driver)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("running: %v\n%s", err, stderr.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 4<<20)
	for _, b := range inputs {
		if !lines.Scan() {
			t.Fatalf("output ends early: %v", lines.Err())
		}
		if got, want := lines.Text(), outcome(b); got != want {
			t.Errorf("%x: got %s, want %s", b, got, want)
		}
	}
}

// outcome is what package abi makes of an envelope.
func outcome(b []byte) string {
	e, err := abi.Decode(b)
	for name, want := range map[string]error{
		"truncated": abi.ErrTruncated, "trailing": abi.ErrTrailing, "too-large": abi.ErrTooLarge, "name": abi.ErrName,
	} {
		if errors.Is(err, want) {
			return name
		}
	}
	return hex.EncodeToString(e.Append(nil))
}

func envelopes(t *testing.T) [][]byte {
	raw, err := os.ReadFile("../../abi/testdata/envelopes.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Hex string `json:"hex"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, v := range vectors {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, b := range out[:len(vectors):len(vectors)] {
		for range 100 {
			changed := bytes.Clone(b)
			for range 1 + random.IntN(3) {
				if len(changed) > 0 {
					changed[random.IntN(len(changed))] = [...]byte{0, 1, 8, 0x20, 0x7f, 0xff, byte(random.Uint32())}[random.IntN(7)]
				}
			}
			out = append(out, changed[:len(changed)-random.IntN(min(len(changed), 2)+1)])
		}
	}
	return out
}
