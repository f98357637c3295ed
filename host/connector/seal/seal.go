// Package seal keeps secrets for guests without ever giving them a key: the
// operations crypto.encrypt and crypto.decrypt with a key of the tenant, and
// crypto.hash and crypto.verify for passwords.
package seal

import (
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Key seals and opens data; a *security.Key is one.
type Key interface {
	Seal(plain []byte) []byte
	Open(sealed []byte) ([]byte, error)
}

// Gate bounds how many hashes are computed at once; a *fair.Gate is one, which
// lets tenants take turns.
type Gate interface {
	// Enter returns nil when the caller may go on, who calls Leave after it.
	Enter(ctx context.Context, key string, weight int64) error
	Leave(weight int64)
}

// Config is what the operations are made of.
type Config struct {
	// Key returns the key of a tenant, for data that this tenant's services
	// encrypt; a tenant that is created anew under the name has another one.
	Key func(ctx context.Context, tenant string) (Key, error)
	// Hash returns the hash of a secret, slowly.
	Hash func(secret string) (string, error)
	// Verify reports whether a hash is that of a secret, slowly.
	Verify func(hash, secret string) (bool, error)
	Gate   Gate
}

// Ops returns the operations.
func Ops(c Config) []connector.Op {
	return []connector.Op{
		{Name: abi.OpEncrypt, Doc: "Encrypts the body with the tenant's key, which stays on the host.", Do: c.encrypt},
		{Name: abi.OpDecrypt, Doc: "Decrypts what crypto.encrypt returned to the same tenant.", Do: c.decrypt},
		{Name: abi.OpHash, Doc: "Hashes a password or key, slowly, so that it cannot be guessed from the hash.", Do: c.hash},
		{Name: abi.OpVerify, Doc: "Tells whether a password or key is the one that was hashed.", Do: c.verify},
	}
}

func (c *Config) encrypt(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	key, err := c.Key(ctx, r.Scope.Tenant)
	if err != nil {
		return nil, fmt.Errorf("finding the tenant's key: %w", err)
	}
	return &connector.Result{Body: key.Seal(r.Body)}, nil
}

func (c *Config) decrypt(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	key, err := c.Key(ctx, r.Scope.Tenant)
	if err != nil {
		return nil, fmt.Errorf("finding the tenant's key: %w", err)
	}
	plain, err := key.Open(r.Body)
	if err != nil {
		return nil, &host.Error{
			Code: abi.Invalid, Field: "body", Err: err,
			Message: "the data cannot be decrypted: it was not encrypted for this tenant, or it was changed",
		}
	}
	return &connector.Result{Body: plain}, nil
}

func (c *Config) hash(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	if err := c.enter(ctx, r); err != nil {
		return nil, err
	}
	defer c.Gate.Leave(1)
	hash, err := c.Hash(string(r.Body))
	if err != nil {
		return nil, err
	}
	return &connector.Result{Body: []byte(hash)}, nil
}

func (c *Config) verify(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	if err := c.enter(ctx, r); err != nil {
		return nil, err
	}
	defer c.Gate.Leave(1)
	ok, err := c.Verify(r.Envelope.Get(abi.FieldHash), string(r.Body))
	if err != nil {
		return nil, err
	}
	verified := "0"
	if ok {
		verified = "1"
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: abi.FieldVerified, Value: verified}}}, nil
}

func (c *Config) enter(ctx context.Context, r *connector.Request) error {
	err := c.Gate.Enter(ctx, r.Scope.Tenant, 1)
	if err != nil && ctx.Err() == nil {
		return &host.Error{Code: abi.Unavailable, Message: "too many services hash secrets now; try again later", Err: err}
	}
	return err
}
