package config

import (
	"encoding/json"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/seraihost/serai/host"
)

// broker returns the settings of the broker of an object, and the object that
// has its password: the definition that it names, as Zato 3.2 has them, or
// itself, as 4.1 does.
func (z *importer) broker(o object) (settings map[string]any, of object, ok bool) {
	if name := o.get("def_name", "definition"); name != "" {
		def, known := z.brokers[name]
		if !known {
			z.note(o, "left out, since its definition %q is not in the file", host.Clip(name))
			return nil, o, false
		}
		if !z.active(o) {
			return nil, o, false
		}
		settings, ok = z.server(def)
		if v := def.get("vhost", "virtual_host"); ok && v != "" {
			settings["vhost"] = v
		}
		if name := def.get("username"); ok && name != "" {
			settings["username"] = name
		}
		return settings, def, ok
	}
	settings, ok = z.addressed(o)
	return settings, o, ok && z.active(o)
}

// addressed reads an address such as HOST:PORT, HOST:PORT/VHOST or
// amqps://HOST:PORT/VHOST.
func (z *importer) addressed(o object) (settings map[string]any, ok bool) {
	address := o.get("address")
	if !strings.Contains(address, "://") {
		address = "amqp://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "amqp" && u.Scheme != "amqps" {
		z.note(o, "left out, since its address %q is no HOST:PORT", host.Clip(o.get("address")))
		return nil, false
	}
	settings = map[string]any{"host": u.Hostname()}
	z.private(o, u.Hostname())
	if port, err := net.LookupPort("tcp", u.Port()); u.Port() != "" && err == nil {
		settings["port"] = port
	}
	if vhost := strings.TrimPrefix(u.Path, "/"); vhost != "" {
		settings["vhost"] = vhost
	}
	if u.Scheme == "amqps" {
		settings["tls"] = map[string]any{"mode": "on"}
	}
	if name := o.get("username"); name != "" {
		settings["username"] = name
	}
	return settings, true
}

// amqpConnection maps an outgoing AMQP connection.
func (z *importer) amqpConnection(o object) {
	settings, of, ok := z.broker(o)
	if !ok {
		return
	}
	for _, key := range []string{"priority", "content_type", "content_encoding", "expiration", "user_id", "app_id"} {
		if v := o.get(key); v != "" && !(key == "priority" && v == "5") { // which is Zato's default
			z.note(o, "%s is left out: give it to send() in properties", key)
		}
	}
	if mode := o.get("delivery_mode"); mode == "1" || mode == "non_persistent" {
		z.note(o, "delivery_mode is left out: messages are persistent unless send() is told otherwise in properties")
	}
	z.addWith(o, of, "amqp", settings)
}

// amqpChannel maps an AMQP channel, with a connection to its broker.
func (z *importer) amqpChannel(o object) {
	service, queue := o.get("service", "service_name"), o.get("queue")
	if service == "" || queue == "" {
		z.note(o, "a channel needs a service and a queue: left out")
		return
	}
	active := o.is("is_active", true)
	settings, of, ok := z.broker(o.always())
	if !ok {
		return
	}
	connection := z.shared(o, of, settings)
	config := map[string]any{"queue": queue}
	z.number(o, config, "prefetch_count", "prefetch", 1, 1000)
	raw, err := json.Marshal(config)
	if err != nil {
		z.note(o, "left out: %v", err)
		return
	}
	if o.get("ack_mode") == "reject" {
		z.note(o, "ack_mode reject: here a message is acknowledged when the service succeeds, unless it calls self.request.amqp.reject()")
	}
	if size := o.get("pool_size"); size != "" && size != "1" {
		z.note(o, "pool_size is left out: prefetch says how many messages are in the service at a time")
	}
	if prefix := o.get("consumer_tag_prefix"); prefix != "" {
		z.note(o, "consumer_tag_prefix is left out")
	}
	c := Channel{Type: "amqp", Connection: connection, Service: service, Disabled: !active, Config: raw}
	if format, known := zatoFormats[strings.ToLower(o.get("data_format"))]; known {
		c.DataFormat = format
	} else {
		z.note(o, "the data format %q is not supported: the service gets the body as it is", host.Clip(o.get("data_format")))
		c.DataFormat = host.FormatRaw
	}
	name := freeName(z.out.Document.Channels, o, "amqp")
	z.renamed(o, name)
	z.serves(service)
	z.out.Document.Channels[name] = c
}

// shared returns the name of a connection to a channel's broker: one that is
// there already, or a new one.
func (z *importer) shared(o, of object, settings map[string]any) string {
	for _, name := range slices.Sorted(maps.Keys(z.made)) {
		m := z.made[name]
		if m.kind == "amqp" && sameBroker(m.settings, settings) && m.of.get("password") == of.get("password") { // 4.1 repeats it in every object
			return name
		}
	}
	return z.addWith(of, of, "amqp", settings)
}

// sameBroker compares settings without their passwords.
func sameBroker(a, b map[string]any) bool {
	text := func(m map[string]any) string {
		out := map[string]any{}
		for k, v := range m {
			if k != "password" {
				out[k] = v
			}
		}
		raw, _ := json.Marshal(out) // what was marshalled before
		return string(raw)
	}
	return text(a) == text(b)
}
