//go:build race

package hosttest_test

// racing says that the race detector is on, which takes memory of its own
// for all that is mapped.
const racing = true
