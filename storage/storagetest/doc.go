// Package storagetest is the suite that every host.Store passes.
//
//	func TestStore(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) host.Store { ... })
//	}
package storagetest
