package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/seraihost/serai/host/control/client"
)

// version is set by the release build; a build from source says its commit.
var version = "0.1.0-dev"

// buildVersion returns the version with the commit it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "+" + s.Value[:12]
		}
	}
	return version
}

type versionInfo struct {
	Version  string        `json:"version"`
	Go       string        `json:"go"`
	Platform string        `json:"platform"`
	Host     *client.About `json:"host,omitempty"` // absent: none answers
}

func versionCommand() *command {
	return &command{
		name: "version", short: "print the version of this program, and of the host if one answers",
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, _ []string) error {
				v := versionInfo{Version: buildVersion(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
				ctx, cancel := context.WithTimeout(ctx, hostPatience)
				defer cancel()
				if about, err := c.Version(ctx); err == nil {
					v.Host = about
				}
				return a.print(v, func(w *tabwriter.Writer) {
					fmt.Fprintf(w, "serai\t%s (%s, %s)\n", v.Version, v.Go, v.Platform)
					if h := v.Host; h != nil {
						fmt.Fprintf(w, "host\t%s (%s, %s, %s)\n", h.Version, h.Engine, h.Runtime, h.Platform)
					}
				})
			})
		},
	}
}
