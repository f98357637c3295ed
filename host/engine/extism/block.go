package extism

import (
	"context"
	"fmt"
	"math"

	sdk "github.com/extism/go-sdk"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// memory is the kernel's memory during a host call. Plugins can write
// anywhere in it, so what the kernel says of it is not trusted.
type memory struct {
	ctx    context.Context //nolint:containedctx // lives as long as one host call
	plugin *sdk.CurrentPlugin
}

var errBlock = host.Errorf(abi.Invalid, "the plugin handed over an address that is no block of Extism's memory")

// read returns a copy of the block at an address.
func (m memory) read(at uint64) ([]byte, error) {
	n, err := m.plugin.LengthWithContext(m.ctx, at)
	if err != nil {
		return nil, fmt.Errorf("reading block: %w", err)
	}
	if at == 0 || at > math.MaxUint32 || n > math.MaxUint32 {
		return nil, errBlock
	}
	b, ok := m.plugin.Memory().Read(uint32(at), uint32(n))
	if !ok {
		return nil, errBlock
	}
	return append([]byte(nil), b...), nil
}

// take is read for a block that the plugin gives up.
func (m memory) take(at uint64) ([]byte, error) {
	b, err := m.read(at)
	if err != nil {
		return nil, err
	}
	if err := m.plugin.FreeWithContext(m.ctx, at); err != nil {
		return nil, fmt.Errorf("freeing block: %w", err)
	}
	return b, nil
}

// write returns the address of a new block that holds b.
func (m memory) write(b []byte) (uint64, error) {
	at, err := m.plugin.AllocWithContext(m.ctx, uint64(len(b)))
	if err != nil {
		return 0, fmt.Errorf("allocating block: %w", err)
	}
	if at == 0 || at > math.MaxUint32 || !m.plugin.Memory().Write(uint32(at), b) {
		return 0, host.Errorf(abi.Limit, "the plugin has no memory left for %d bytes; raise its limit with --memory", len(b))
	}
	return at, nil
}

// answer writes the outcome of an operation that may find nothing.
func (m memory) answer(stack []uint64, value []byte, err error) error {
	stack[0] = 0
	switch {
	case host.CodeOf(err) == abi.NotFound:
		return nil
	case err != nil:
		return err
	}
	stack[0], err = m.write(value)
	return err
}
