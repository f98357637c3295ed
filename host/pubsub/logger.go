package pubsub

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// logger passes the server's log on to slog. Its notices are about itself,
// so they are for debugging here.
type logger struct {
	log   *slog.Logger
	fatal atomic.Pointer[error]
}

var _ server.Logger = (*logger)(nil)

func (l *logger) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }

// Warnf drops the server's advice on large messages, which never leave the
// process here.
func (l *logger) Warnf(format string, v ...any) {
	if !strings.HasPrefix(format, "Maximum payloads over") {
		l.write(slog.LevelWarn, format, v)
	}
}

func (l *logger) Errorf(format string, v ...any) { l.write(slog.LevelError, format, v) }

// Fatalf is how the server says why it does not start.
func (l *logger) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.fatal.Store(&err)
	l.write(slog.LevelError, format, v)
}

func (l *logger) Debugf(string, ...any) {}

func (l *logger) Tracef(string, ...any) {}

func (l *logger) write(level slog.Level, format string, v []any) {
	ctx := context.Background()
	if l.log == nil || !l.log.Enabled(ctx, level) {
		return
	}
	l.log.Log(ctx, level, "broker: "+fmt.Sprintf(format, v...), slog.String("component", "pubsub"))
}
