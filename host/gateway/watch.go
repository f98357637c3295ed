package gateway

import "time"

// watchEvery is how soon the calls of clients who went away are cancelled.
const watchEvery = 200 * time.Millisecond

// watch cancels the calls of clients who closed their connection, until the
// listener's last call ended. Like net/http it takes a client that closed its
// sending side for gone.
func (l *listener) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.base.Done():
			return
		case <-tick.C:
		}
		for _, c := range l.each(func(c *conn) bool { return c.calling.Load() }) {
			if gone(c.Conn) {
				c.cancel()
			}
		}
	}
}
