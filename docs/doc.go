// Package docs holds the documentation for authors, tenants and operators.
// The Go code in it only tests that the documentation is true.
package docs
