//go:build unix

// Package disk tells how full a disk is, so that what writes through memory
// maps can stop before a full one becomes a fault of the process.
package disk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Free returns how many bytes the process may still write to the disk that
// holds dir. Where the system cannot tell, it is math.MaxUint64.
func Free(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("examining file system: %w", err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:gosec,unconvert // types differ between systems
}
