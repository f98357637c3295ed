package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/seraihost/serai/host"
)

// State is all that a tenant has configured at one moment.
type State struct {
	Tenant      host.Tenant
	Config      map[string][]byte
	Secrets     map[string]bool // their names
	Auths       map[string]host.AuthDefinition
	Connections map[string]host.Connection
	Channels    map[string]host.Channel
	Services    map[string]host.Version // what they run

	fingerprint [sha256.Size]byte
}

// State returns all that a tenant has configured, of one moment.
func (c *Catalog) State(ctx context.Context, tenant string) (*State, error) {
	var s *State
	err := c.view(ctx, tenant, func(tx host.Tx) (err error) {
		s, err = readState(tx, tenant)
		return err
	})
	return s, err
}

func readState(tx host.Tx, tenant string) (*State, error) {
	owner, err := liveTenant(tx, tenant)
	if err != nil {
		return nil, err
	}
	s := &State{
		Tenant: owner.tenant(), Config: map[string][]byte{}, Secrets: map[string]bool{},
		Auths: map[string]host.AuthDefinition{}, Connections: map[string]host.Connection{},
		Channels: map[string]host.Channel{}, Services: map[string]host.Version{},
	}
	for _, read := range []func() error{
		func() error {
			return each(tx, kindPrefix(tenant, dataAuth), func(r authRecord) error {
				s.Auths[r.Auth.Name] = r.definition()
				return nil
			})
		},
		func() error {
			return each(tx, kindPrefix(tenant, dataConn), func(r connectionRecord) error {
				s.Connections[r.Connection.Name] = r.Connection
				return nil
			})
		},
		func() error {
			return each(tx, kindPrefix(tenant, dataChannel), func(r channelRecord) error {
				s.Channels[r.Channel.Name] = r.Channel
				return nil
			})
		},
		func() error {
			return each(tx, kindPrefix(tenant, dataService), func(r serviceRecord) error {
				v, err := findVersion(tx, tenant, r.Service.Name, r.Service.Running)
				s.Services[r.Service.Name] = v
				return err
			})
		},
		func() error {
			return eachNamed(tx, kindPrefix(tenant, dataConfig), func(name string, value []byte) { s.Config[name] = value })
		},
		func() error {
			return eachNamed(tx, kindPrefix(tenant, dataSecret), func(name string, _ []byte) { s.Secrets[name] = true })
		},
	} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("reading what the tenant has: %w", err)
		}
	}
	s.fingerprint, err = fingerprint(tx, tenant)
	return s, err
}

// eachNamed calls fn for the values under a prefix, which are stored as they
// are under their names.
func eachNamed(tx host.Tx, prefix []byte, fn func(name string, value []byte)) error {
	return tx.Scan(prefix, nil, func(key, value []byte) bool {
		if name, _, ok := cutSegment(key[len(prefix):]); ok {
			fn(name, bytes.Clone(value))
		}
		return true
	})
}

// fingerprint is a hash of all that a [State] is made from. Versions are not
// in it, since they never change and services name those that run.
func fingerprint(tx host.Tx, tenant string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	owner, err := tx.Get(tenantKey(tenant))
	if err != nil {
		return sum, fmt.Errorf("reading tenant: %w", err)
	}
	add(h, owner)
	for _, kind := range []byte{dataAuth, dataConn, dataChannel, dataService, dataConfig, dataSecret} {
		err := tx.Scan(kindPrefix(tenant, kind), nil, func(key, value []byte) bool {
			add(h, key)
			add(h, value)
			return true
		})
		if err != nil {
			return sum, fmt.Errorf("reading what the tenant has: %w", err)
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// add writes a value with its length, so that no two sequences are alike.
func add(h hash.Hash, b []byte) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(b)))
	h.Write(n[:])
	h.Write(b)
}
