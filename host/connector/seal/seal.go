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

// Connector returns the connector of secrets.
func Connector(c Config) connector.Connector {
	return connector.DefineBuiltin("crypto", "Encryption with a key of the tenant that never leaves the host, and hashes of passwords.", &c,
		connector.NewOperation(abi.OpEncrypt, "Encrypts the body with the tenant's key, which stays on the host.", encrypt),
		connector.NewOperation(abi.OpDecrypt, "Decrypts what crypto.encrypt returned to the same tenant.", decrypt),
		connector.NewOperation(abi.OpHash, "Hashes a password or key, slowly, so that it cannot be guessed from the hash.", hash),
		connector.NewOperation(abi.OpVerify, "Tells whether a password or key is the one that was hashed.", verify),
	)
}

type plain struct {
	Body []byte `body:"what is encrypted"`
}

type sealed struct {
	Body []byte `body:"it, encrypted"`
}

func encrypt(ctx context.Context, c *Config, r *connector.Request, in plain) (out sealed, err error) {
	key, err := c.Key(ctx, r.Scope.Tenant)
	if err != nil {
		return out, fmt.Errorf("finding the tenant's key: %w", err)
	}
	return sealed{key.Seal(in.Body)}, nil
}

func decrypt(ctx context.Context, c *Config, r *connector.Request, in sealed) (out plain, err error) {
	key, err := c.Key(ctx, r.Scope.Tenant)
	if err != nil {
		return out, fmt.Errorf("finding the tenant's key: %w", err)
	}
	if out.Body, err = key.Open(in.Body); err != nil {
		return plain{}, &host.Error{
			Code: abi.Invalid, Field: "body", Err: err,
			Message: "the data cannot be decrypted: it was not encrypted for this tenant, or it was changed",
		}
	}
	return out, nil
}

type secret struct {
	Body string `body:"the password or key"`
}

type hashed struct {
	Body string `body:"the hash"`
}

func hash(ctx context.Context, c *Config, r *connector.Request, in secret) (out hashed, err error) {
	if err := c.enter(ctx, r); err != nil {
		return out, err
	}
	defer c.Gate.Leave(1)
	out.Body, err = c.Hash(in.Body)
	return out, err
}

type claim struct {
	Hash string `field:"hash" doc:"what crypto.hash returned"`
	Body string `body:"the password or key"`
}

type verdict struct {
	Verified bool `field:"verified" doc:"the secret is the one that was hashed"`
}

func verify(ctx context.Context, c *Config, r *connector.Request, in claim) (out verdict, err error) {
	if err := c.enter(ctx, r); err != nil {
		return out, err
	}
	defer c.Gate.Leave(1)
	out.Verified, err = c.Verify(in.Hash, in.Body)
	return out, err
}

func (c *Config) enter(ctx context.Context, r *connector.Request) error {
	err := c.Gate.Enter(ctx, r.Scope.Tenant, 1)
	if err != nil && ctx.Err() == nil {
		return &host.Error{Code: abi.Unavailable, Message: "too many services hash secrets now; try again later", Err: err}
	}
	return err
}
