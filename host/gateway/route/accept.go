package route

import (
	"slices"
	"strings"
)

// maxRanges bounds how much of an Accept header is looked at.
const maxRanges = 64

// one is the quality 1, in thousandths.
const one = 1000

// mediaRange is one element of an Accept header (RFC 9110, section 12.5.1).
// Its parameters but for the quality are ignored.
type mediaRange struct {
	kind, sub string // "*" is any
	quality   int    // thousandths
}

// parseAccept appends the ranges of an Accept header. Malformed ones are left
// out.
func parseAccept(ranges []mediaRange, header string) []mediaRange {
	for header != "" && len(ranges) < maxRanges {
		var element string
		element, header = cutUnquoted(header, ',')
		media, params := cutUnquoted(element, ';')
		kind, sub, ok := strings.Cut(strings.TrimSpace(media), "/")
		if !ok || kind == "" || sub == "" || kind == "*" && sub != "*" {
			continue
		}
		if q, ok := quality(params); ok {
			ranges = append(ranges, mediaRange{kind, sub, q})
		}
	}
	return ranges
}

// cutUnquoted cuts s at the first separator outside of a quoted string.
func cutUnquoted(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == separator:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// quality reads the weight among the parameters of a range; it is 1 without one.
func quality(params string) (thousandths int, ok bool) {
	for params != "" {
		var param string
		param, params = cutUnquoted(params, ';')
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "q") {
			return parseQuality(value)
		}
	}
	return one, true
}

func parseQuality(s string) (thousandths int, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(fraction) > 3 {
		return 0, false
	}
	thousandths = int(whole[0]-'0') * one
	scale := one / 10
	for i := range len(fraction) {
		if fraction[i] < '0' || fraction[i] > '9' {
			return 0, false
		}
		thousandths += int(fraction[i]-'0') * scale
		scale /= 10
	}
	return thousandths, thousandths <= one
}

// fit is how well a media type suits a client: first by the client's quality,
// then by how precisely it named the type.
type fit struct{ quality, precision int }

func (f fit) better(other fit) bool {
	return f.quality > other.quality || f.quality == other.quality && f.precision > other.precision
}

// judge returns how the media type offered, which may be a range itself, suits
// a client. The most precise of the client's ranges decides. A client
// without ranges takes everything.
func judge(ranges []mediaRange, offered string) fit {
	if len(ranges) == 0 {
		return fit{quality: one}
	}
	kind, sub, _ := strings.Cut(offered, "/")
	best, found := fit{}, false
	for _, r := range ranges {
		f := fit{quality: r.quality}
		switch {
		case r.kind == "*":
		case !strings.EqualFold(r.kind, kind):
			continue
		case r.sub == "*" || sub == "*":
			f.precision = 1
		case strings.EqualFold(r.sub, sub):
			f.precision = 2
		default:
			continue
		}
		if !found || f.precision > best.precision || f.precision == best.precision && f.quality > best.quality {
			best, found = f, true
		}
	}
	return best
}

// offers are the entries of one method and path, by what they answer with: the
// one for any media type first, then types, then ranges such as text/*.
type offers []*Entry

// maxOffers bounds the media types of one method and path.
const maxOffers = 32

func compareOffers(a, b *Entry) int {
	rank := func(e *Entry) int {
		switch {
		case e.Accept == "":
			return 0
		case strings.HasSuffix(e.Accept, "/*"):
			return 2
		}
		return 1
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a.Accept, b.Accept)
}

// with returns the offers and e, unless there is one for its media type
// already or no room.
func (o offers) with(e *Entry) (offers, bool) {
	at, taken := slices.BinarySearchFunc(o, e, compareOffers)
	if taken || len(o) == maxOffers {
		return o, false
	}
	return slices.Insert(o, at, e), true
}

// choose returns the entry that suits the client best. Of several that suit it
// alike, the first one is taken. The one for any media type counts as */* and
// is the last resort.
func (o offers) choose(m *Match) *Entry {
	switch {
	case len(o) == 0:
		return nil
	case len(o) == 1 && o[0].Accept == "":
		return o[0]
	}
	m.Negotiated = true
	if !m.parsed && m.Accept != nil {
		m.ranges = parseAccept(m.ranges[:0], m.Accept())
	}
	m.parsed = true
	var best *Entry
	var bestFit fit
	for _, e := range o {
		if f := judge(m.ranges, e.Accept); f.quality > 0 && f.better(bestFit) {
			best, bestFit = e, f
		}
	}
	if best == nil && o[0].Accept == "" {
		return o[0]
	}
	m.unfit = m.unfit || best == nil
	return best
}
