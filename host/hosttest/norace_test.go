//go:build !race

package hosttest_test

const racing = false
