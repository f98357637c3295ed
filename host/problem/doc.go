// Package problem turns errors into problem documents (RFC 9457), the one
// form in which the gateway and the control API report an error. It holds
// the only mapping of [abi.Code] to HTTP statuses.
package problem
