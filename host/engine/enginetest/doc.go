// Package enginetest is the suite that every engine passes: the contract of
// package engine as tests, with honest guests and hostile ones.
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(t testing.TB, host []engine.HostFunc) engine.Engine {
//			e, err := myengine.New(host)
//			...
//			return e
//		}, enginetest.Features{Interrupt: true})
//	}
//
// [Move] runs an image that one engine made on another.
package enginetest
