//go:build wasip1

package serai

import "github.com/seraihost/serai/abi"

func locateRandom() abi.Code { return abi.OK }
func refreshRandom()         {}
