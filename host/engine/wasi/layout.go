package wasi

import (
	"encoding/binary"
	"io/fs"
	"time"
)

// Sizes of structures in linear memory, in bytes.
const (
	iovecSize        = 8  // $iovec: buf u32 at 0, len u32 at 4
	fdstatSize       = 24 // $fdstat: filetype u8 at 0, flags u16 at 2, rights u64 at 8, inheriting u64 at 16
	filestatSize     = 64 // $filestat: dev, ino u64, filetype u8 at 16, nlink, size, atim, mtim, ctim u64 from 24
	prestatSize      = 8  // $prestat: tag u8 at 0, length of the name u32 at 4
	direntSize       = 24 // $dirent: next u64 at 0, ino u64 at 8, length of the name u32 at 16, filetype u8 at 20
	subscriptionSize = 48 // $subscription: userdata u64 at 0, tag u8 at 8, its content from 16
	eventSize        = 32 // $event: userdata u64 at 0, error u16 at 8, type u8 at 10, nbytes u64 at 16, flags u16 at 24
)

// filetype is $filetype.
type filetype byte

const (
	typeUnknown   filetype = 0
	typeDirectory filetype = 3
	typeRegular   filetype = 4
)

// rights are $rights: what a descriptor may be used for. Programs compiled
// with wasi-libc, Rust and Go ask for them and give them on; the package
// itself decides by what a descriptor is.
type rights uint64

const (
	rightRead         rights = 1 << 1
	rightSeek         rights = 1 << 2
	rightFdstatSet    rights = 1 << 3
	rightTell         rights = 1 << 5
	rightWrite        rights = 1 << 6
	rightAdvise       rights = 1 << 7
	rightPathOpen     rights = 1 << 13
	rightReaddir      rights = 1 << 14
	rightReadlink     rights = 1 << 15
	rightPathFilestat rights = 1 << 18
	rightFilestat     rights = 1 << 21
	rightPoll         rights = 1 << 27

	fileRights = rightRead | rightSeek | rightFdstatSet | rightTell | rightAdvise | rightFilestat | rightPoll
	dirRights  = rightFdstatSet | rightPathOpen | rightReaddir | rightReadlink | rightPathFilestat | rightFilestat
	// inheritedRights of a directory include writing: a program that masks
	// what it asks for with them would otherwise get a descriptor for
	// reading where it meant to write, instead of EROFS.
	inheritedRights = fileRights | dirRights | rightWrite
)

// Flags of path_open ($oflags) and of descriptors ($fdflags).
const (
	openCreate    = 1 << 0
	openDirectory = 1 << 1
	openExclusive = 1 << 2
	openTruncate  = 1 << 3
	allOpenFlags  = 1<<4 - 1
	allFDFlags    = 1<<5 - 1
)

// memory is a guest's linear memory.
type memory []byte

// bytes returns n bytes at ptr, or false if they are not all in memory.
func (m memory) bytes(ptr, n uint32) ([]byte, bool) {
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(m)) {
		return nil, false
	}
	return m[ptr:end:end], true
}

// array returns n elements of that size at ptr.
func (m memory) array(ptr, n, size uint32) ([]byte, bool) {
	end := uint64(ptr) + uint64(n)*uint64(size)
	if end > uint64(len(m)) {
		return nil, false
	}
	return m[ptr:end:end], true
}

func (m memory) putU32(ptr, v uint32) bool {
	b, ok := m.bytes(ptr, 4)
	if ok {
		binary.LittleEndian.PutUint32(b, v)
	}
	return ok
}

func (m memory) putU64(ptr uint32, v uint64) bool {
	b, ok := m.bytes(ptr, 8)
	if ok {
		binary.LittleEndian.PutUint64(b, v)
	}
	return ok
}

// putFilestat writes a $filestat into b. ino tells files apart.
func putFilestat(b []byte, info fs.FileInfo, ino uint64) {
	clear(b)
	le := binary.LittleEndian
	le.PutUint64(b[0:], 1)
	le.PutUint64(b[8:], ino)
	b[16] = byte(filetypeOf(info.Mode()))
	le.PutUint64(b[24:], 1)
	if info.Mode().IsRegular() {
		le.PutUint64(b[32:], uint64(max(info.Size(), 0)))
	}
	t := timestamp(info.ModTime())
	le.PutUint64(b[40:], t)
	le.PutUint64(b[48:], t)
	le.PutUint64(b[56:], t)
}

func timestamp(t time.Time) uint64 {
	if t.Unix() <= 0 || t.Year() > 2200 {
		return 0 // not known, or not in 64 bits of nanoseconds
	}
	return uint64(t.UnixNano())
}

func filetypeOf(mode fs.FileMode) filetype {
	switch {
	case mode.IsDir():
		return typeDirectory
	case mode.IsRegular():
		return typeRegular
	default:
		return typeUnknown
	}
}

// inode makes a number of a path; never 0, which some programs take for "not known".
func inode(path string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for i := range len(path) {
		h = (h ^ uint64(path[i])) * prime
	}
	return h | 1
}
