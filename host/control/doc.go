// Package control is the control API: the operator's and the tenants' side
// of a host. It speaks JSON under /v1 and describes itself with an OpenAPI
// document at /openapi.json; the command line is only one of its clients.
//
// Every request but those for health, version and the description carries
// "Authorization: Bearer TOKEN", also on loopback, so a web page that a
// browser on the same machine has open can do nothing here. The operator's
// token may do everything. A tenant's token reaches that tenant only; what
// belongs to another one is answered exactly like what does not exist.
//
// The package holds no state of its own: it checks input, asks the parts
// behind [Config], and turns their errors into problem documents.
package control
