// Package connectortest starts the real servers that connectors are tested
// against, on free ports of loopback, and ends them with the test.
package connectortest
