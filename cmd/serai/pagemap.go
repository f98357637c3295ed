package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pagemapScan is the ioctl PAGEMAP_SCAN of linux/fs.h, _IOWR('f', 16, struct pm_scan_arg).
const pagemapScan = 0xc0606610

// scanArg is struct pm_scan_arg of linux/fs.h.
type scanArg struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages             uint64
	categoryInverted, categoryMask, categoryAnyofMask, returnMaskOutput uint64
}

// checkDirtyPages tries how the host will find the pages that a call changed.
func checkDirtyPages() finding {
	const check = "dirty pages"
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return warn(check, "/proc/self/pagemap cannot be read (%v); instances are reset by mapping them anew, which is slower", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return bad(check, "memory cannot be mapped: %v", err)
	}
	defer unix.Munmap(page) //nolint:errcheck // one page of a program that ends
	page[0] = 1
	start := uint64(uintptr(unsafe.Pointer(&page[0])))
	var region [3]uint64 // struct page_region: start, end, categories
	const present = 1 << 3
	arg := scanArg{
		start: start, end: start + uint64(len(page)), vec: uint64(uintptr(unsafe.Pointer(&region))), vecLen: 1,
		categoryMask: present, returnMaskOutput: present,
	}
	arg.size = uint64(unsafe.Sizeof(arg))
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), pagemapScan, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 || n != 1 || region[0] != start {
		return warn(check, "this kernel has no PAGEMAP_SCAN (Linux 6.7 or newer has); the slower pagemap is read instead")
	}
	return ok(check, "PAGEMAP_SCAN works")
}
