// Package apply makes a tenant what a document says, and writes a document of
// what a tenant has.
//
// Uploads are built first. Then what the document wants is compared with the
// catalogue, every reference is looked up, and the differences become one
// transaction that depends on the catalogue being as it was. So an apply is
// done or it is not, whatever fails and whoever else changes the tenant.
package apply
