// Package c holds serai.h, the SDK for services in C and whatever else can
// include a C header. The Go code here only tests it.
package c
