package extism_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine/extism"
)

// BenchmarkCall measures a call of a new instance, and of one that is warm.
func BenchmarkCall(b *testing.B) {
	for _, file := range []string{"noop.wasm", "count_vowels.wasm", "go"} {
		code := goPlugin(b)
		export := "count_vowels"
		if file != "go" {
			code, export = sdkPlugin(b, file), ""
		}
		p := compile(b, code, export)
		f := newFake()
		b.Run(file+"/pristine", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := call(b.Context(), b, p, f, "Yellow, World!"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(file+"/warm", func(b *testing.B) {
			in, err := p.Start(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := in.Call(b.Context(), &extism.Call{Host: f, Service: "svc", Input: []byte("Yellow, World!")}); err != nil {
					b.Fatal(err)
				}
			}
			if err := in.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
