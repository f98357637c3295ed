// Package connectortest tests connectors against real servers, which it starts
// on free ports of loopback and ends with the test. [Run] holds a connector to
// what the pool and services expect, while its server stops, freezes and is
// cut off.
package connectortest
