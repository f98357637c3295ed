//go:build !unix

package badger

import "math"

// freeBytes cannot tell on this system.
func freeBytes(string) (uint64, error) { return math.MaxUint64, nil }
