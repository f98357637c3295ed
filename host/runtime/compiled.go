package runtime

import (
	"context"
	"sync"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasm"
)

// compiled is a module that programs share; the last one closes it.
type compiled struct {
	module engine.Module
	info   *wasm.Module
	key    string
	refs   int
}

// modules shares compiled modules by the digest of their source.
type modules struct {
	engine engine.Engine

	mu   sync.Mutex
	live map[string]*compiled
}

// get returns the module, compiled at most once for all that hold it.
func (ms *modules) get(ctx context.Context, info *wasm.Module) (*compiled, error) {
	ms.mu.Lock()
	if c := ms.live[info.Digest]; c != nil {
		c.refs++
		ms.mu.Unlock()
		return c, nil
	}
	ms.mu.Unlock()
	// Two deploys of the same new module may both compile; one result is kept.
	m, err := ms.engine.Compile(ctx, info)
	if err != nil {
		return nil, err
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if c := ms.live[info.Digest]; c != nil {
		_ = m.Close()
		c.refs++
		return c, nil
	}
	c := &compiled{module: m, info: info, key: info.Digest, refs: 1}
	ms.live[info.Digest] = c
	return c, nil
}

func (ms *modules) put(c *compiled) error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if c.refs--; c.refs > 0 {
		return nil
	}
	delete(ms.live, c.key)
	return c.module.Close()
}
