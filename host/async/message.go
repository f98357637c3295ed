package async

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// message is a call on its way through the queue. Times are the host's.
type message struct {
	ID        string       `json:"id"` // the same if it is published again
	Tenant    string       `json:"tenant"`
	From      string       `json:"from"` // the service that asked for the call
	Service   string       `json:"service,omitempty"`
	CID       string       `json:"cid"`
	Channel   string       `json:"channel"`
	Envelope  abi.Envelope `json:"envelope,omitempty"`
	Body      []byte       `json:"body,omitempty"`
	Depth     int          `json:"depth"`
	Sent      time.Time    `json:"sent"`
	NotBefore time.Time    `json:"not_before,omitzero"`
	Expires   time.Time    `json:"expires,omitzero"`
	Trace     host.Trace   `json:"trace,omitzero"` // that who asked for the call is in
	// Callbacks get the reply; of a retried call and of a group's target,
	// its outcome.
	Callbacks []string `json:"callbacks,omitempty"`
	Retry     *retry   `json:"retry,omitempty"`

	Group  *group  `json:"group,omitempty"`  // the message stands for all of a group's targets
	Member *member `json:"member,omitempty"` // or for one of them
	Final  string  `json:"final,omitempty"`  // or is the final callback of the group with this id
}

// retry is what is left of a call that is made until it succeeds.
type retry struct {
	Left    int             `json:"left"`
	Times   int             `json:"times"` // what was left at first
	Every   time.Duration   `json:"every"`
	Origin  string          `json:"origin"` // correlation id of the call that asked for it
	Context json.RawMessage `json:"context,omitempty"`
}

// group is several calls that are accepted together.
type group struct {
	Targets  []target `json:"targets"`
	OnTarget []string `json:"on_target,omitempty"`
	OnFinal  []string `json:"on_final,omitempty"`
}

type target struct {
	Service  string       `json:"service"`
	Envelope abi.Envelope `json:"envelope,omitempty"`
	Body     []byte       `json:"body,omitempty"`
}

// member says which of a group's targets a message is for.
type member struct {
	Group   string   `json:"group"`
	Index   int      `json:"index"`
	Of      int      `json:"of"`
	OnFinal []string `json:"on_final,omitempty"`
}

// follow returns a message that follows from m; its id is made of m's, so
// that it is the same when m is handled again.
func (m *message) follow(what string, i int) *message {
	id := m.ID + "/" + what + "/" + strconv.Itoa(i)
	return &message{ID: id, Tenant: m.Tenant, From: m.From, CID: cidOf(id), Channel: abi.ChannelAsync, Depth: m.Depth + 1, Sent: m.Sent, Trace: m.Trace}
}

// callback returns the message that has the i-th of m's callbacks called.
func (m *message) callback(i int, service string) *message {
	c := m.follow("callback", i)
	c.From, c.Service = m.Service, service
	c.Envelope = abi.Envelope{{Name: abi.FieldInReplyTo, Value: m.CID}}
	return c
}

// call returns the call that m asks for. Depth stays, so that services which
// call each other without end stop; but nobody waits for the call, so it is
// admitted like one from outside.
func (m *message) call() *host.Call {
	return &host.Call{
		Tenant: m.Tenant, Service: m.Service, CID: m.CID, Channel: m.Channel,
		Envelope: m.Envelope, Body: m.Body, Depth: m.Depth,
	}
}

func (m *message) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding an asynchronous call: %w", err)
	}
	return b, nil
}

// newCID returns a new correlation id: 24 hexadecimal digits.
func newCID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// cidOf returns the correlation id that belongs to a message's id.
func cidOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:12])
}
