// Package image keeps the state of initialised WebAssembly instances and
// brings running ones back to it.
//
// An [Image] is the linear memory and the mutable globals of an instance,
// frozen after initialisation. It is a file of page runs; an image that was
// initialised from another one holds only the pages that differ and names its
// base. Files are mapped, never read into the heap, so an image that nobody
// calls costs page cache only, and all instances share its clean pages.
//
// A [Memory] is a linear memory that starts as an image: a private
// (copy-on-write) mapping of the image's runs. [Memory.Reset] asks the kernel
// which pages were written and copies those back, which takes some tens of
// microseconds where a new mapping takes hundreds: the cost of a fresh mapping
// is a page fault for every page that is touched again.
//
// The package needs Linux: it maps over reserved address space and reads
// /proc/self/pagemap.
package image
