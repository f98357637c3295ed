package wasi

import (
	"io"
	"io/fs"
	"slices"
)

// The descriptors that every call finds open.
const (
	stdin  = 0
	stdout = 1
	stderr = 2
	rootFD = 3 // "/"
)

// maxOpen bounds the descriptors of a call.
const maxOpen = 256

// kind says what a descriptor stands for.
type kind byte

const (
	inputFile kind = iota + 1
	outputFile
	errorFile
	regularFile
	directoryFile
)

// file is what a descriptor stands for.
type file struct {
	kind    kind
	preopen bool
	flags   uint16
	rights  rights
	inherit rights
	path    string // of a regular file or directory, as of fs.ValidPath
	info    fs.FileInfo

	content io.ReaderAt // of a regular file
	size    int64
	at      int64 // next byte to read
	closer  io.Closer
	entries []fs.DirEntry // of a directory that is being read
}

// standard are the descriptors of a new system. They are shared by all
// systems and never written to: table makes a system its own copies first.
var standard = [...]file{
	stdin:  {kind: inputFile, rights: rightRead | rightFdstatSet | rightFilestat | rightPoll},
	stdout: {kind: outputFile, rights: rightWrite | rightFdstatSet | rightFilestat | rightPoll},
	stderr: {kind: errorFile, rights: rightWrite | rightFdstatSet | rightFilestat | rightPoll},
	rootFD: {kind: directoryFile, preopen: true, rights: dirRights, inherit: inheritedRights, path: "."},
}

// file returns what descriptor fd stands for, or nil if it is not open. The
// caller must not change it; see own.
func (s *System) file(fd uint32) *file {
	if s.files == nil {
		if fd < uint32(len(standard)) {
			return &standard[fd]
		}
		return nil
	}
	if uint64(fd) >= uint64(len(s.files)) {
		return nil
	}
	return s.files[fd]
}

// own is file for a caller that changes what it gets.
func (s *System) own(fd uint32) *file {
	s.table()
	return s.file(fd)
}

// table gives the system descriptors of its own.
func (s *System) table() {
	if s.files != nil {
		return
	}
	own := standard
	s.files = make([]*file, len(own), 2*len(own))
	for i := range own {
		s.files[i] = &own[i]
	}
}

// add opens the lowest free descriptor for f.
func (s *System) add(f *file) (uint32, errno) {
	s.table()
	i := slices.Index(s.files, nil)
	switch {
	case i >= 0:
		s.files[i] = f
	case len(s.files) < maxOpen:
		i = len(s.files)
		s.files = append(s.files, f)
	default:
		f.close()
		return 0, errTooManyOpen
	}
	return uint32(i), success //nolint:gosec // below maxOpen
}

// close releases what the file holds. A nil file is fine.
func (f *file) close() {
	if f != nil && f.closer != nil {
		_ = f.closer.Close() // of a file that was only read
		f.closer = nil
	}
}

func (f *file) filetype() filetype {
	switch f.kind {
	case directoryFile:
		return typeDirectory
	case regularFile:
		return typeRegular
	default:
		// Not a terminal and not seekable, so that programs write in blocks.
		return typeUnknown
	}
}

// describe returns what is known of the file or directory behind f.
func (s *System) describe(f *file) (fs.FileInfo, errno) {
	if f.info != nil {
		return f.info, success
	}
	info, err := s.FS.stat(f.path)
	return info, errnoOf(err)
}

// full reports whether add would find no free descriptor.
func (s *System) full() bool {
	return len(s.files) >= maxOpen && !slices.Contains(s.files, nil)
}
