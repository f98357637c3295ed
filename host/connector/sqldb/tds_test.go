package sqldb_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/seraihost/serai/host/connector/connectortest"
)

// Tokens and packets of [MS-TDS] 2.2.
const (
	tdsReply, tdsPrelogin, tdsLogin, tdsAttention = 4, 18, 16, 6
)

// startTDS starts a server that logs everybody in and answers statements with
// what answer returns: tokens, or nothing for ever. It knows no SQL, so it
// tells nothing about SQL Server but what the driver makes of its protocol.
func startTDS(t *testing.T, answer func(statement string) []byte) *connectortest.Stub {
	t.Helper()
	return connectortest.StartStub(t, func(c net.Conn) {
		for {
			kind, body, err := readTDS(c)
			if err != nil {
				return
			}
			var reply []byte
			switch kind {
			case tdsPrelogin: // VERSION and ENCRYPTION: not supported
				reply = []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2}
			case tdsLogin:
				reply = append(token(0xad, append([]byte{1, 0x74, 0, 0, 4}, append(short("peer"), 16, 0, 0, 0)...)), tdsDone(0)...)
			case tdsAttention:
				reply = tdsDone(0x20)
			default:
				if reply = answer(string(utf16.Decode(units(body)))); reply == nil {
					continue
				}
			}
			if err := writeTDS(c, reply); err != nil {
				return
			}
		}
	})
}

// readTDS reads a message, which may have several packets.
func readTDS(c io.Reader) (kind byte, body []byte, err error) {
	for {
		head := make([]byte, 8)
		if _, err := io.ReadFull(c, head); err != nil {
			return 0, nil, err
		}
		part := make([]byte, int(binary.BigEndian.Uint16(head[2:]))-8)
		if _, err := io.ReadFull(c, part); err != nil {
			return 0, nil, err
		}
		if body = append(body, part...); head[1]&1 == 1 { // the last one
			return head[0], body, nil
		}
	}
}

// unfinished begins a reply that is not all of a message.
const unfinished = 0xee

func writeTDS(c io.Writer, body []byte) error {
	last := byte(1)
	if body[0] == unfinished {
		last, body = 0, body[1:]
	}
	for first := true; first || len(body) > 0; first = false {
		n := min(len(body), 4000)
		head := []byte{tdsReply, 0, 0, 0, 0, 0, 1, 0}
		if n == len(body) {
			head[1] = last
		}
		binary.BigEndian.PutUint16(head[2:], uint16(n+8))
		if _, err := c.Write(append(head, body[:n]...)); err != nil {
			return err
		}
		body = body[n:]
	}
	return nil
}

// token is one with a length.
func token(kind byte, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{kind}, uint16(len(body))), body...)
}

func tdsDone(status uint16) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0xfd}, status), make([]byte, 10)...)
}

// changed is the end of a statement that changed rows.
func changed(rows uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0xfd, 0x10, 0, 0, 0}, rows)
}

func wide(s string) (out []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// short is text behind its length in one byte, long behind two.
func short(s string) []byte { return append([]byte{byte(len(utf16.Encode([]rune(s))))}, wide(s)...) }

func long(s string) []byte {
	return append(binary.LittleEndian.AppendUint16(nil, uint16(len(utf16.Encode([]rune(s))))), wide(s)...)
}

// units are the words of a message at even and odd places: the texts of it are
// in one or the other.
func units(body []byte) (out []uint16) {
	for from := range 2 {
		for i := from; i+1 < len(body); i += 2 {
			out = append(out, binary.LittleEndian.Uint16(body[i:]))
		}
	}
	return out
}

// tdsError is an error of the server.
func tdsError(number uint32, text string) []byte {
	body := binary.LittleEndian.AppendUint32(nil, number)
	body = append(body, 1, 14)
	body = append(append(append(body, long(text)...), short("SERVER")...), short("")...)
	return append(token(0xaa, append(body, 1, 0, 0, 0)), tdsDone(2)...)
}

// column is one with its type, and a value as it is in a row.
type column struct {
	name        string
	kind, value []byte
}

func tdsRows(n int, columns ...column) []byte {
	out := binary.LittleEndian.AppendUint16([]byte{0x81}, uint16(len(columns)))
	for _, c := range columns {
		out = append(append(append(out, 0, 0, 0, 0, 9, 0), c.kind...), short(c.name)...)
	}
	for range n {
		out = append(out, 0xd1)
		for _, c := range columns {
			out = append(out, c.value...)
		}
	}
	return out
}

var collation = []byte{9, 4, 0xd0, 0, 0x34}

// values are columns of the types that there are.
func values() []column {
	return []column{
		{"n", []byte{0x26, 8}, append([]byte{8}, binary.LittleEndian.AppendUint64(nil, 9007199254740993)...)},
		{"t", append([]byte{0xe7, 100, 0}, collation...), append([]byte{10, 0}, wide("it's ü")[:10]...)},
		{"price", []byte{0x6a, 17, 38, 4}, append([]byte{9, 1}, binary.LittleEndian.AppendUint64(nil, 123456)...)},
		{"money", []byte{0x6e, 8}, append([]byte{8}, 0, 0, 0, 0, 0x39, 0x30, 0, 0)},
		{"yes", []byte{0x68, 1}, []byte{1, 1}},
		{"id", []byte{0x24, 16}, append([]byte{16}, 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15)},
		{"made", []byte{0x2a, 7}, append([]byte{8}, 0, 0, 0, 0, 0, 0xdb, 0x46, 0x0b)}, // midnight of 2024-01-01 or so
		{"data", []byte{0xa5, 10, 0}, []byte{3, 0, 0, 1, 0xff}},
		{"f", []byte{0x6d, 4}, []byte{4, 0xcd, 0xcc, 0xcc, 0x3d}},
		{"none", []byte{0x26, 4}, []byte{0}},
	}
}

// has returns answers by what statements hold.
func has(answers map[string][]byte) func(string) []byte {
	return func(statement string) []byte {
		for part, reply := range answers {
			if strings.Contains(statement, part) {
				return reply
			}
		}
		return tdsDone(0)
	}
}
