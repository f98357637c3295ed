package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/seraihost/serai/host/control/client"
)

// dictionary is the area in which self.translate of services looks.
const dictionary = "translate"

// entryParts are what a translation is found by.
const entryParts = 5

func translateCommand() *command {
	return &command{
		name: "translate", short: "manage the data dictionary that services translate with",
		sub: []*command{
			{
				name: "list", args: "[SYSTEM1]", short: "list translations", max: 1,
				setup: func(fs *flag.FlagSet) runner { return remote(fs, listTranslations) },
			},
			{
				name: "set", args: "SYSTEM1 KEY1 VALUE1 SYSTEM2 KEY2 VALUE2", short: "set a translation", min: entryParts + 1, max: entryParts + 1,
				examples: []string{"serai translate set crm country DE erp land 049"},
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						if err := setTranslation(ctx, c, tenant, args); err != nil {
							return err
						}
						return a.stored("translation", entryKey(args[:entryParts]))
					})
				},
			},
			{
				name: "load", args: "FILE", short: "set the translations of a CSV file with these six columns", min: 1, max: 1,
				setup: func(fs *flag.FlagSet) runner { return remote(fs, loadTranslations) },
			},
			{
				name: "delete", args: "SYSTEM1 KEY1 VALUE1 SYSTEM2 KEY2", short: "delete a translation", min: entryParts, max: entryParts,
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						if err := c.Area(dictionary).DeleteKey(ctx, tenant, entryKey(args)); err != nil {
							return err
						}
						return a.deleted("translation", entryKey(args))
					})
				},
			},
		},
	}
}

// translation is an entry of the dictionary as list prints it.
type translation struct {
	System1 string `json:"system1"`
	Key1    string `json:"key1"`
	Value1  string `json:"value1"`
	System2 string `json:"system2"`
	Key2    string `json:"key2"`
	Value2  string `json:"value2"`
}

func listTranslations(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
	prefix := ""
	if len(args) == 1 {
		prefix = escape(args[0]) + "/"
	}
	keys, err := c.Area(dictionary).AllKeys(ctx, tenant, prefix)
	if err != nil {
		return err
	}
	var all []translation
	for _, key := range keys {
		p := strings.Split(key, "/")
		if len(p) != entryParts {
			continue // not written by this command
		}
		for i := range p {
			p[i] = unescape(p[i])
		}
		value, err := c.Area(dictionary).Key(ctx, tenant, key)
		if err != nil {
			return err
		}
		all = append(all, translation{p[0], p[1], p[2], p[3], p[4], string(value)})
	}
	return a.print(list(all), func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "SYSTEM\tKEY\tVALUE\tSYSTEM\tKEY\tVALUE")
		for _, t := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(t.System1), printable(t.Key1), printable(t.Value1),
				printable(t.System2), printable(t.Key2), printable(t.Value2))
		}
	})
}

func loadTranslations(ctx context.Context, a *app, c *client.Client, tenant string, args []string) (err error) {
	f, err := os.Open(args[0])
	if err != nil {
		return fmt.Errorf("opening translations: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := csv.NewReader(f)
	r.FieldsPerRecord = entryParts + 1
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return a.stored("translations of", args[0])
		}
		if err != nil {
			return fmt.Errorf("reading translations: %w", err)
		}
		if err := setTranslation(ctx, c, tenant, row); err != nil {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("setting the translation of line %d: %w", line, err)
		}
	}
}

func setTranslation(ctx context.Context, c *client.Client, tenant string, row []string) error {
	return c.Area(dictionary).SetKey(ctx, tenant, entryKey(row[:entryParts]), []byte(row[entryParts]), 0)
}

// entryKey is the key of a translation, the one that translate.py makes.
func entryKey(parts []string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = escape(p)
	}
	return strings.Join(escaped, "/")
}

func escape(s string) string { return strings.NewReplacer("%", "%25", "/", "%2F").Replace(s) }

func unescape(s string) string { return strings.NewReplacer("%25", "%", "%2F", "/").Replace(s) }
