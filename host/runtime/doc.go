// Package runtime turns what authors upload into programs: it finds out the
// kind of a module, initialises it in the sandbox and freezes its image
// ([Runtime.Build]), and starts instances of a version from that image
// ([Runtime.Load]).
//
// Language runtimes that bring their own interpreter live in the packages
// below it.
package runtime
