package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxRecordBytes bounds an encoded record.
const maxRecordBytes = 256 << 10

// Records are what the store holds, as JSON. They are types of their own
// where the domain's type hides a field from JSON.
type (
	tenantRecord struct {
		Tenant    host.Tenant `json:"tenant"`
		TokenHash []byte      `json:"token_hash,omitempty"`
		// Deleting says that the tenant is gone for everybody and its data
		// is being removed.
		Deleting bool `json:"deleting,omitempty"`
	}
	countRecord struct {
		Services int `json:"services"`
		Channels int `json:"channels,omitempty"`
	}
	serviceRecord struct {
		Service host.Service `json:"service"`
		// Activations counts the switches; versions take their order from it.
		Activations uint64 `json:"activations"`
		// Routes are those in the routing table.
		Routes []host.Route `json:"routes,omitempty"`
	}
	versionRecord struct {
		Version   host.Version `json:"version"`
		Activated time.Time    `json:"activated"`
		Order     uint64       `json:"order"`
	}
	authRecord struct {
		Auth host.AuthDefinition `json:"auth"`
		Hash string              `json:"hash"`
	}
	connectionRecord struct {
		Connection host.Connection `json:"connection"`
	}
	channelRecord struct {
		Channel host.Channel `json:"channel"`
	}
	// sourceRecord names a channel that receives messages.
	sourceRecord struct {
		Tenant  string `json:"tenant"`
		Channel string `json:"channel"`
	}
	// bindingRecord is of a route of a service's running version or, with
	// Channel, of the channel of that name.
	bindingRecord struct {
		Tenant  string     `json:"tenant"`
		Service string     `json:"service,omitempty"`
		Channel string     `json:"channel,omitempty"`
		Route   host.Route `json:"route"`
	}
)

// get reads a record strictly: an unknown field or trailing data is an error.
// ok is false when there is none.
func get[R any](tx host.Tx, key []byte) (record R, ok bool, err error) {
	data, err := tx.Get(key)
	if errors.Is(err, host.ErrNoKey) {
		return record, false, nil
	}
	if err != nil {
		return record, false, fmt.Errorf("reading %T: %w", record, err)
	}
	record, err = decode[R](data)
	return record, err == nil, err
}

func decode[R any](data []byte) (R, error) {
	var record R
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&record); err != nil {
		return record, fmt.Errorf("decoding %T: %w", record, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return record, fmt.Errorf("decoding %T: data after the record", record)
	}
	return record, nil
}

func put[R any](tx host.Tx, key []byte, record R) error {
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encoding %T: %w", record, err)
	}
	if len(data) > maxRecordBytes {
		return host.Errorf(abi.TooLarge, "the record has %d bytes; at most %d fit", len(data), maxRecordBytes)
	}
	if err := tx.Set(key, data, 0); err != nil {
		return fmt.Errorf("writing %T: %w", record, err)
	}
	return nil
}

// each calls fn for the records under prefix in the order of their keys,
// until fn returns an error.
func each[R any](tx host.Tx, prefix []byte, fn func(R) error) error {
	var failure error
	err := tx.Scan(prefix, nil, func(_, value []byte) bool {
		var record R
		if record, failure = decode[R](value); failure == nil {
			failure = fn(record)
		}
		return failure == nil
	})
	return errors.Join(err, failure)
}

// names returns the names of a tenant's keys of a kind that begin with start.
func names(tx host.Tx, tenant string, kind byte, start string) ([]string, error) {
	prefix := kindPrefix(tenant, kind)
	found := []string{}
	err := tx.Scan(appendEscaped(bytes.Clone(prefix), start), nil, func(key, _ []byte) bool {
		if name, _, ok := cutSegment(key[len(prefix):]); ok {
			found = append(found, name)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("listing names: %w", err)
	}
	return found, nil
}
