// Package host holds the domain of Serai: tenants, services, versions and
// their limits, the [Error] that every part returns, and the few interfaces
// between the parts. It imports the ABI and the standard library only;
// technology lives in the packages below it.
package host
