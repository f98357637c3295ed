package connectortest

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/telemetry"
)

// discreet is about a server that gives back what it is sent, secrets too: a
// channel's log, its state and what its service's author reads have none, and
// the latter two no address.
func (s SourceSuite) discreet(t *testing.T) {
	if len(s.Secrets) == 0 {
		t.Fatal("the configuration has no secret: the test says nothing")
	}
	said := &shared{values: map[string]string{}}
	for name, value := range s.Secrets {
		said.values[value] = name
	}
	for name, talk := range map[string]func(net.Conn){
		"repeats": func(c net.Conn) { // what is said first, with a password in it or not
			heard := make([]byte, 64<<10)
			n, _ := c.Read(heard)
			_, _ = c.Write(heard[:n])
		},
		"hangs up": func(net.Conn) {},
	} {
		addr := StartStub(t, talk).Addr()
		c := &consumer{suite: s, place: "discreet", addr: addr, done: map[string]bool{}}
		c.start(t, s.Channel("discreet"), slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug})))
		c.until(t, "the channel says why it does not receive", func() bool {
			state, _ := c.intake.State("t", "in")
			return state.Error != "" && !state.Receiving
		})
		state, _ := c.intake.State("t", "in")
		public := fmt.Sprintf("%s\n%s", state.Error, c.records())
		c.stop()
		if strings.Contains(public, addr) {
			t.Errorf("%s: authors read an address: %s", name, public)
		}
		_, _ = said.Write([]byte(public))
	}
	said.discreet(t)
}

// records is what authors of services read in their logs.
func (c *consumer) records() string {
	var out strings.Builder
	for _, r := range c.book.Tail("t", telemetry.Filter{}) {
		out.WriteString(r.Message + "\n")
	}
	return out.String()
}
