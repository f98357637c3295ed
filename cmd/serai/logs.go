package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/telemetry"
)

func logsCommand() *command {
	return &command{
		name: "logs", args: "[NAME]", short: "read or follow the log of services", max: 1,
		long: `With --cid and no NAME it shows what one request did in all the services that
it reached, failures with their tracebacks. The ID is in the reply's header
X-Request-Id and in problem documents.`,
		examples: []string{"serai logs hello --follow", "serai logs --level warning --since 10m", "serai logs --cid 7a6f2c1d9e"},
		setup: func(fs *flag.FlagSet) runner {
			var q client.LogQuery
			fs.StringVar(&q.CID, "cid", "", "only of the request with this `ID`")
			fs.StringVar(&q.Level, "level", "", "only of this `LEVEL` and above: debug, info, warning, error or critical")
			fs.StringVar(&q.Since, "since", "", "only after this `TIME`, or a duration ago such as 10m")
			fs.IntVar(&q.Limit, "limit", 0, "at most so `MANY`, the latest (default 100)")
			fs.BoolVar(&q.Follow, "follow", false, "go on with new records")
			fs.BoolVar(&q.Follow, "f", false, "the same as --follow")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				if len(args) == 1 {
					q.Service = args[0]
				}
				err := c.Logs(ctx, tenant, q, a.printRecord)
				if q.Follow && (errors.Is(err, context.Canceled) || ctx.Err() != nil) {
					return nil
				}
				return err
			})
		},
	}
}

// printRecord writes one record as a line, and a traceback below it.
func (a *app) printRecord(r telemetry.Record) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(r)
	}
	text := strings.TrimRight(r.Message, "\n")
	_, err := fmt.Fprintf(a.stdout, "%s  %-8s %s  %s\n", r.Time.Local().Format("2006-01-02 15:04:05.000"),
		telemetry.LevelName(r.Level), r.Service, printable(text))
	if err == nil && r.Failure != nil && r.Failure.Traceback != "" && !strings.Contains(text, r.Failure.Traceback) {
		_, err = fmt.Fprintln(a.stdout, printable(strings.TrimRight(r.Failure.Traceback, "\n")))
	}
	return err
}

// printable keeps a guest from steering the terminal: control characters
// other than line ends and tabs become question marks.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// clock is the time for lines of serai dev.
func clock() string { return time.Now().Format(time.TimeOnly) }
