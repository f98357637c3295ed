package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// MaxChannels bounds the channels of a tenant.
const MaxChannels = 10_000

// PutChannel creates or replaces a channel.
func (c *Catalog) PutChannel(ctx context.Context, channel host.Channel) error {
	return c.update(ctx, channel.Tenant, func(tx host.Tx) error {
		return putChannels(tx, channel.Tenant, channel)
	})
}

// putChannels creates or replaces channels of a tenant, which exists, within a
// transaction. The routes of all that it replaces make room first, so they may
// move from one channel to another. When it returns an error, the transaction
// must not be committed.
//
// Errors: what [NormalizeChannel] returns; Invalid on field "auth" when a
// security definition does not exist; Conflict on field "path" when another
// channel or service has a route that takes the same requests; Denied beyond
// [MaxChannels].
func putChannels(tx host.Tx, tenant string, channels ...host.Channel) error {
	seen := make(map[string]bool, len(channels))
	canonical := make([]host.Channel, 0, len(channels))
	count, _, err := get[countRecord](tx, kindPrefix(tenant, dataCount))
	if err != nil {
		return err
	}
	for _, channel := range channels {
		channel.Tenant = tenant
		if channel, err = NormalizeChannel(channel); err != nil {
			return about(KindChannel, channel.Name, err)
		}
		if seen[channel.Name] {
			return host.FieldErrorf("name", "two channels are called %q; rename one", channel.Name)
		}
		seen[channel.Name] = true
		old, ok, err := get[channelRecord](tx, dataKey(tenant, dataChannel, channel.Name))
		switch {
		case err != nil:
			return err
		case !ok:
			count.Channels++
		default:
			if err := unbind(tx, old.Channel); err != nil {
				return err
			}
		}
		canonical = append(canonical, channel)
	}
	if count.Channels > MaxChannels {
		return host.Errorf(abi.Denied, "tenant %q would have %d channels; at most %d fit", tenant, count.Channels, MaxChannels)
	}
	var all []error
	for _, channel := range canonical {
		err := putChannel(tx, channel)
		if fatal(err) {
			return err
		}
		all = append(all, about(KindChannel, channel.Name, err))
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	return put(tx, kindPrefix(tenant, dataCount), count)
}

// putChannel stores a channel that is canonical and has no route in the table.
func putChannel(tx host.Tx, channel host.Channel) error {
	for _, name := range channel.Auth {
		if err := checkDefinition(tx, channel.Tenant, fmt.Sprintf("channel %q", channel.Name), name); err != nil {
			return err
		}
	}
	if err := bind(tx, channel); err != nil {
		return err
	}
	return put(tx, dataKey(channel.Tenant, dataChannel, channel.Name), channelRecord{Channel: channel})
}

// bind puts a channel into the routing table or, if it receives messages,
// into the list of sources.
func bind(tx host.Tx, channel host.Channel) error {
	if !channel.REST() {
		return put(tx, sourceKey(channel), sourceRecord{Tenant: channel.Tenant, Channel: channel.Name})
	}
	r := channel.Route()
	if err := checkFree(tx, channel.Tenant, r); err != nil {
		return onField("path", err)
	}
	return put(tx, routeKey(r), bindingRecord{Tenant: channel.Tenant, Channel: channel.Name, Route: r})
}

// unbind undoes bind.
func unbind(tx host.Tx, channel host.Channel) error {
	if channel.REST() {
		return removeRoutes(tx, []host.Route{channel.Route()})
	}
	if err := tx.Delete(sourceKey(channel)); err != nil {
		return fmt.Errorf("deleting a channel from the list of sources: %w", err)
	}
	return nil
}

func sourceKey(channel host.Channel) []byte {
	return appendSegment(appendSegment([]byte{areaSource}, channel.Tenant), channel.Name)
}

// Sources returns the channels of all tenants that receive messages, those
// that are disabled too.
func (c *Catalog) Sources(ctx context.Context) ([]host.Channel, error) {
	found := []host.Channel{}
	err := c.store.View(ctx, func(tx host.Tx) error {
		var all []sourceRecord
		err := each(tx, []byte{areaSource}, func(r sourceRecord) error {
			all = append(all, r)
			return nil
		})
		for _, r := range all {
			if err != nil {
				break
			}
			var channel host.Channel
			channel, err = getChannel(tx, r.Tenant, r.Channel)
			found = append(found, channel)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading channels that receive messages: %w", err)
	}
	return found, nil
}

// Channel returns the named channel of a tenant, canonical.
func (c *Catalog) Channel(ctx context.Context, tenant, name string) (host.Channel, error) {
	var found host.Channel
	err := c.view(ctx, tenant, func(tx host.Tx) (err error) {
		found, err = getChannel(tx, tenant, name)
		return err
	})
	return found, err
}

func getChannel(tx host.Tx, tenant, name string) (host.Channel, error) {
	record, ok, err := get[channelRecord](tx, dataKey(tenant, dataChannel, name))
	if err == nil && !ok {
		err = notFound("channel", name)
	}
	return record.Channel, err
}

// Channels returns the channels of a tenant, sorted by name.
func (c *Catalog) Channels(ctx context.Context, tenant string) (found []host.Channel, err error) {
	err = c.view(ctx, tenant, func(tx host.Tx) (err error) {
		found, err = listChannels(tx, tenant)
		return err
	})
	return found, err
}

// listChannels returns the channels of a tenant within a transaction, sorted by name.
func listChannels(tx host.Tx, tenant string) ([]host.Channel, error) {
	found := []host.Channel{}
	err := each(tx, kindPrefix(tenant, dataChannel), func(r channelRecord) error {
		found = append(found, r.Channel)
		return nil
	})
	return found, err
}

// DeleteChannel removes a channel. NotFound: there is none.
func (c *Catalog) DeleteChannel(ctx context.Context, tenant, name string) error {
	return c.update(ctx, tenant, func(tx host.Tx) error { return deleteChannel(tx, tenant, name) })
}

// deleteChannel removes a channel within a transaction. NotFound: there is none.
func deleteChannel(tx host.Tx, tenant, name string) error {
	channel, err := getChannel(tx, tenant, name)
	if err != nil {
		return err
	}
	return removeChannel(tx, channelRecord{Channel: channel})
}

// removeChannel deletes a channel's record and route and uncounts it.
func removeChannel(tx host.Tx, record channelRecord) error {
	channel := record.Channel
	if err := unbind(tx, channel); err != nil {
		return err
	}
	counter := kindPrefix(channel.Tenant, dataCount)
	count, _, err := get[countRecord](tx, counter)
	if err != nil {
		return err
	}
	count.Channels = max(0, count.Channels-1)
	if err := put(tx, counter, count); err != nil {
		return err
	}
	if err := tx.Delete(dataKey(channel.Tenant, dataChannel, channel.Name)); err != nil {
		return fmt.Errorf("deleting channel: %w", err)
	}
	return nil
}
