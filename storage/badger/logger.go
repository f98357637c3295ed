package badger

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// logger passes Badger's log on to slog. Badger tells what it does with every
// file, so its information is for debugging here.
type logger struct {
	log *slog.Logger
	// syncFailed is set when Badger reports an error of syncing the value
	// log, which it logs and does not return.
	syncFailed atomic.Bool
}

func (l *logger) Errorf(format string, args ...any) {
	if strings.Contains(format, "sync") {
		l.syncFailed.Store(true)
	}
	l.write(slog.LevelError, format, args)
}

func (l *logger) Warningf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }

func (l *logger) Infof(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Debugf drops what Badger itself counts as debugging: a line per write.
func (l *logger) Debugf(string, ...any) {}

func (l *logger) write(level slog.Level, format string, args []any) {
	ctx := context.Background()
	if l.log == nil || !l.log.Enabled(ctx, level) {
		return
	}
	l.log.Log(ctx, level, "badger: "+strings.TrimSpace(fmt.Sprintf(format, args...)), slog.String("component", "store"))
}
