package security

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// phc is a hash in the PHC string format,
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md.
type phc struct {
	cost cost
	salt []byte
	hash []byte
}

// String returns the canonical form.
func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.memory, p.cost.time, p.cost.threads,
		base64.RawStdEncoding.EncodeToString(p.salt), base64.RawStdEncoding.EncodeToString(p.hash))
}

// errPHC is what parsePHC says of a string that is none.
var errPHC = errors.New("not an argon2id hash in PHC string format")

// parsePHC reads the form that phc.String writes and refuses costs and
// lengths that are out of bounds.
func parsePHC(s string) (phc, error) {
	// "", "argon2id", "v=19", "m=..,t=..,p=..", salt, hash
	parts := strings.Split(s, "$")
	if len(s) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return phc{}, errPHC
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, fmt.Errorf("%w: unknown version", errPHC)
	}
	c, err := parseCost(parts[3])
	if err != nil {
		return phc{}, err
	}
	salt, err := decodeBounded(parts[4], 8, 64)
	if err != nil {
		return phc{}, fmt.Errorf("decoding salt: %w", err)
	}
	hash, err := decodeBounded(parts[5], 16, 64)
	if err != nil {
		return phc{}, fmt.Errorf("decoding hash: %w", err)
	}
	return phc{cost: c, salt: salt, hash: hash}, nil
}

func parseCost(s string) (cost, error) {
	fields := strings.Split(s, ",")
	if len(fields) != 3 {
		return cost{}, fmt.Errorf("%w: parameters", errPHC)
	}
	var values [3]uint64
	for i, prefix := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], prefix)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			return cost{}, fmt.Errorf("%w: parameters", errPHC)
		}
		values[i] = n
	}
	m, t, p := values[0], values[1], values[2]
	if p < 1 || p > uint64(maxCost.threads) || t < 1 || t > uint64(maxCost.time) || m < 8*p || m > uint64(maxCost.memory) {
		return cost{}, fmt.Errorf("%w: cost out of bounds", errPHC)
	}
	return cost{memory: uint32(m), time: uint32(t), threads: uint8(p)}, nil //nolint:gosec // bounded above
}

func decodeBounded(s string, least, most int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: base64", errPHC)
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%w: length", errPHC)
	}
	return b, nil
}
