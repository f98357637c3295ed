package catalog

import "bytes"

// The layout of keys. A name in angle brackets is a segment (see
// appendSegment), a bare word is raw bytes; what follows the last segment
// runs to the end of the key. All of a tenant but its own record and the
// two indexes lies under one prefix.
//
//	t<tenant>                      tenantRecord
//	i hash                         name of the tenant whose token hashes to it
//	r<host><shape><method>         bindingRecord: the routing table, of all tenants;
//	                               <accept> follows if there is one
//	m<tenant><name>                sourceRecord: the channels that are no routes
//	d<tenant>n                     countRecord: how many services and channels
//	d<tenant>s<service>            serviceRecord
//	d<tenant>v<service>digest      versionRecord
//	d<tenant>a<name>               authRecord
//	d<tenant>c<name>               connectionRecord
//	d<tenant>h<name>               channelRecord
//	d<tenant>g<key>                configuration: the value as it is
//	d<tenant>x<name>               secret: the value sealed by security.Box
//
// Other packages that use the same store begin their keys with other bytes;
// New is told where they keep what belongs to a tenant.
const (
	areaTenant  = 't'
	areaToken   = 'i'
	areaRoute   = 'r'
	areaSource  = 'm'
	areaData    = 'd'
	dataCount   = 'n'
	dataService = 's'
	dataVersion = 'v'
	dataAuth    = 'a'
	dataConn    = 'c'
	dataChannel = 'h'
	dataConfig  = 'g'
	dataSecret  = 'x'
)

// A segment is a name whose zero bytes are written as 00 FF, ended by 00 01.
// So no name is a prefix of another one's segment whatever bytes it has, and
// segments sort as the names do.
const (
	segmentEscape = 0x00
	segmentZero   = 0xFF
	segmentEnd    = 0x01
)

// appendSegment appends name as a segment.
func appendSegment(key []byte, name string) []byte {
	return append(appendEscaped(key, name), segmentEscape, segmentEnd)
}

// appendEscaped appends a segment without its end: the prefix of the
// segments of all names that begin with name.
func appendEscaped(key []byte, name string) []byte {
	for i := range len(name) {
		if name[i] == 0 {
			key = append(key, segmentEscape, segmentZero)
		} else {
			key = append(key, name[i])
		}
	}
	return key
}

// cutSegment returns the name of the segment that key begins with, and the
// rest.
func cutSegment(key []byte) (name string, rest []byte, ok bool) {
	var out []byte
	for {
		i := bytes.IndexByte(key, segmentEscape)
		if i < 0 || i+1 >= len(key) {
			return "", nil, false
		}
		out = append(out, key[:i]...)
		next := key[i+1]
		key = key[i+2:]
		switch next {
		case segmentEnd:
			return string(out), key, true
		case segmentZero:
			out = append(out, 0)
		default:
			return "", nil, false
		}
	}
}

func tenantKey(tenant string) []byte { return appendSegment([]byte{areaTenant}, tenant) }

func tokenKey(hash []byte) []byte { return append([]byte{areaToken}, hash...) }

// dataPrefix is the prefix of all that a tenant owns.
func dataPrefix(tenant string) []byte { return appendSegment([]byte{areaData}, tenant) }

// kindPrefix is the prefix of a tenant's records of one kind.
func kindPrefix(tenant string, kind byte) []byte { return append(dataPrefix(tenant), kind) }

// dataKey is the key of the named record of a kind.
func dataKey(tenant string, kind byte, name string) []byte {
	return appendSegment(kindPrefix(tenant, kind), name)
}

func versionKey(tenant, service, digest string) []byte {
	return append(dataKey(tenant, dataVersion, service), digest...)
}

// shapePrefix is the prefix of the bindings whose paths have one shape.
func shapePrefix(host, shape string) []byte {
	return appendSegment(appendSegment([]byte{areaRoute}, host), shape)
}
