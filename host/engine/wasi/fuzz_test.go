package wasi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasi"
)

// FuzzFunctions calls functions with what a hostile guest may pass: the input
// is memory followed by calls of one byte for the function and eight per
// parameter. Memory lies in the middle of a larger array, whose margins must
// not change.
func FuzzFunctions(f *testing.F) {
	all := wasi.Functions()
	for i, fn := range all {
		seed := make([]byte, 256)
		copy(seed[100:], "app/main.py")
		for range 2 {
			seed = append(seed, byte(i))
			for k := range fn.Params {
				seed = binary.LittleEndian.AppendUint64(seed, uint64([]int{3, 100, 11, 32, 4, 64, 0, 1}[k%8]))
			}
		}
		f.Add(seed)
	}
	tree := testTree(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		const size, margin = 256, 64
		if len(input) < size {
			return
		}
		space := bytes.Repeat([]byte{0xa5}, margin+size+margin)
		mem := space[margin : margin+size : margin+size]
		copy(mem, input)
		input = input[size:]
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // so that nothing sleeps
		sys := &wasi.System{
			Args: []string{"prog"}, Env: []string{"A=b"}, FS: tree,
			Stdin: bytes.NewReader(make([]byte, 100)), Stdout: io.Discard,
		}
		defer sys.Close()
		g := &guest{t: t, mem: mem, sys: sys}
		for calls := 0; len(input) > 0 && calls < 64; calls++ {
			fn := all[int(input[0])%len(all)]
			input = input[1:]
			stack := make([]uint64, max(len(fn.Params), 1))
			for i := range fn.Params {
				var word [8]byte
				n := copy(word[:], input)
				input = input[n:]
				stack[i] = binary.LittleEndian.Uint64(word[:])
				if fn.Params[i] == engine.I32 {
					stack[i] &= 0xffff_ffff
				}
			}
			if err := fn.Do(ctx, g, stack); err != nil {
				continue
			}
			if len(fn.Results) > 0 && stack[0] > 76 {
				t.Fatalf("%s answered %d", fn.Name, stack[0])
			}
		}
		edge := bytes.Repeat([]byte{0xa5}, margin)
		if !bytes.Equal(space[:margin], edge) || !bytes.Equal(space[margin+size:], edge) {
			t.Fatal("memory outside of the guest's was written")
		}
	})
}
