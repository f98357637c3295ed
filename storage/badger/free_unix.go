//go:build unix

package badger

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeBytes returns how much the host may still write to the disk of dir.
func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("examining file system: %w", err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil //nolint:gosec,unconvert // types differ between systems
}
