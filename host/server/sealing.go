package server

import (
	"context"
	goruntime "runtime"

	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/connector/seal"
	"github.com/seraihost/serai/host/fair"
	"github.com/seraihost/serai/host/security"
)

// maxHashing bounds how many guests wait until they may hash.
const maxHashing = 1000

// sealing is how guests encrypt and hash. They have at most half of the
// processors for hashing, so that checking passwords of clients does not wait
// for them.
func sealing(c *catalog.Catalog) seal.Config {
	return seal.Config{
		Key:  func(ctx context.Context, tenant string) (seal.Key, error) { return c.TenantKey(ctx, tenant) },
		Hash: security.HashSecret, Verify: security.VerifyForeign,
		Gate: fair.NewGate(int64(max(1, goruntime.GOMAXPROCS(0)/2)), maxHashing),
	}
}
