package image

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Hot returns the same image laid out for frequent use: its own pages are in
// memory, together with the base's pages between them, in so few runs that
// all of them can be mapped. Instances of it hold no copied pages, so that a
// reset restores only what the guest wrote. It costs [Image.OwnBytes] of
// memory until it is released. The caller releases it.
//
// An image that has nothing to gain is returned as it is, retained.
func (im *Image) Hot() (*Image, error) {
	if len(im.patches) == 0 {
		return im.Retain(), nil
	}
	fd, err := unix.MemfdCreate("serai-hot-image", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("creating memory file: %w", err)
	}
	file := os.NewFile(uintptr(fd), "serai-hot-image")
	h := header{size: im.size, globals: im.globals, runs: join(differing(im.view, im.base.view), maxRuns)}
	if err := writePages(file, im.view, h.runs, 0); err != nil {
		_ = file.Close()
		return nil, err
	}
	hot, err := assemble(file, h, 0, im.base.Retain())
	if err != nil {
		im.base.Release()
		_ = file.Close()
		return nil, err
	}
	return hot, nil
}
