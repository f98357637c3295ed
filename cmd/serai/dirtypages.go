package main

import "github.com/seraihost/serai/host/engine/image"

// checkDirtyPages says how the host will find the pages that a call changed.
func checkDirtyPages() finding {
	const check = "dirty pages"
	switch image.Method() {
	case image.Tracked:
		return ok(check, "the kernel takes note of them (userfaultfd and PAGEMAP_SCAN)")
	case image.Scanned:
		return warn(check, "userfaultfd is not allowed here, by a sandbox or as the kernel was built: each reset takes longer, as PAGEMAP_SCAN looks at each page")
	case image.Read:
		return warn(check, "this kernel has no PAGEMAP_SCAN (Linux 6.7 or newer has); the slower pagemap is read instead")
	}
	return warn(check, "/proc/self/pagemap cannot be read; instances are reset by mapping them anew, which is slower")
}
