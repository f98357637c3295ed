package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// report collects results: rounds as they were, and what they come to.
type report struct {
	Date    time.Time         `json:"date"`
	Machine map[string]string `json:"machine"`
	Flags   string            `json:"flags"`
	Notes   []string          `json:"notes,omitempty"`
	Goals   []goal            `json:"goals,omitempty"`
	HTTP    map[string][]load `json:"http,omitempty"`
	CPU     map[string]pair   `json:"cpu,omitempty"`
	Numbers []number          `json:"numbers,omitempty"`
	Memory  map[string]memory `json:"memory,omitempty"`
	order   []string          // of the contenders
	weighed []string          // order of Memory
}

// goal is a result that there is a goal for, or a ratio.
type goal struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Goal  string  `json:"goal,omitempty"`
	Met   bool    `json:"met"`
}

// pair is what a kind of work took, a number a round.
type pair struct {
	Guest  []float64 `json:"guest_s"`
	Native []float64 `json:"native_s"`
}

// number is a measured number with its unit.
type number struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Value  float64   `json:"value"` // the median, if there are several
	Values []float64 `json:"values,omitempty"`
}

func newReport(o options) *report {
	r := &report{
		Date: time.Now().UTC().Truncate(time.Second), HTTP: map[string][]load{}, CPU: map[string]pair{}, Memory: map[string]memory{},
		Machine: map[string]string{"processors": strconv.Itoa(runtime.NumCPU()), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH},
		Flags:   fmt.Sprintf("rounds %d, duration %s, concurrency %d", o.rounds, o.duration, o.concurrency),
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				r.Machine["processor"] = strings.TrimSpace(value)
			}
		}
	}
	var u syscall.Utsname
	if syscall.Uname(&u) == nil {
		var b []byte
		for _, c := range u.Release {
			if c == 0 {
				break
			}
			b = append(b, byte(c))
		}
		r.Machine["kernel"] = string(b)
	}
	var s syscall.Sysinfo_t
	if syscall.Sysinfo(&s) == nil {
		r.Machine["memory"] = fmt.Sprintf("%d MiB", s.Totalram*uint64(s.Unit)>>20)
	}
	return r
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *report) http(all []*contender) {
	for _, c := range all {
		r.order = append(r.order, c.name)
		r.HTTP[c.name] = c.runs
	}
}

// ratio compares a with b round by round; a goal of 0 is none.
func (r *report) ratio(name string, atLeast float64, a, b []float64) {
	if len(a) == 0 || len(b) == 0 {
		return
	}
	var all []float64
	for i := range a {
		all = append(all, a[i]/b[i])
	}
	g := goal{Name: name, Value: median(all), Met: median(all) >= atLeast}
	if atLeast > 0 {
		g.Goal = fmt.Sprintf("at least %g", atLeast)
	}
	r.Goals = append(r.Goals, g)
}

func (r *report) atMost(name string, most, value float64) {
	r.Goals = append(r.Goals, goal{Name: name, Value: value, Goal: fmt.Sprintf("at most %g", most), Met: value <= most})
}

func (r *report) cpu(times map[string]*[2][]float64) {
	for name, t := range times {
		r.CPU[name] = pair{t[0], t[1]}
	}
}

func (r *report) number(name, unit string, value float64) {
	r.Numbers = append(r.Numbers, number{Name: name, Unit: unit, Value: value})
}

func (r *report) spread(name, unit string, all []float64) {
	r.Numbers = append(r.Numbers, number{Name: name, Unit: unit, Value: median(all), Values: all})
}

func (r *report) memory(name string, m memory) {
	r.weighed = append(r.weighed, name)
	r.Memory[name] = m
}

// write keeps the report as JSON and as text, named by its date.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating the folder of results: %w", err)
	}
	name := filepath.Join(dir, r.Date.Format("2006-01-02-1504"))
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("encoding the results: %w", err)
	}
	if err := os.WriteFile(name+".json", append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	text := r.text()
	if err := os.WriteFile(name+".md", []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	_, err = fmt.Print(text)
	return err
}

// text is the report for people.
func (r *report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks of %s\n\n", r.Date.Format("2006-01-02 15:04 MST"))
	for _, k := range slices.Sorted(maps.Keys(r.Machine)) {
		fmt.Fprintf(&b, "- %s: %s\n", k, r.Machine[k])
	}
	fmt.Fprintf(&b, "- %s; medians\n", r.Flags)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", n)
	}
	if len(r.Goals) > 0 {
		b.WriteString("\n## Ratios and goals\n\n| | Measured | Goal | |\n|---|--:|---|---|\n")
		for _, g := range r.Goals {
			met := ""
			if g.Goal != "" {
				met = map[bool]string{true: "met", false: "**missed**"}[g.Met]
			}
			fmt.Fprintf(&b, "| %s | %.2f | %s | %s |\n", g.Name, g.Value, g.Goal, met)
		}
	}
	if len(r.HTTP) > 0 {
		b.WriteString("\n## JSON services over HTTP\n\n| | Requests/s | p50 ms | p99 ms |\n|---|--:|--:|--:|\n")
		for _, name := range r.order {
			var rps, p50, p99 []float64
			for _, l := range r.HTTP[name] {
				rps, p50, p99 = append(rps, l.PerSecond), append(p50, l.P50), append(p99, l.P99)
			}
			fmt.Fprintf(&b, "| %s | %.0f | %.2f | %.2f |\n", name, median(rps), median(p50), median(p99))
		}
	}
	if len(r.CPU) > 0 {
		b.WriteString("\n## CPU-bound Python\n\n| | Service ms | Native ms | Ratio |\n|---|--:|--:|--:|\n")
		for _, name := range slices.Sorted(maps.Keys(r.CPU)) {
			p := r.CPU[name]
			g, n := 1000*median(p.Guest), 1000*median(p.Native)
			fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.2f |\n", name, g, n, g/n)
		}
	}
	if len(r.Numbers) > 0 {
		b.WriteString("\n## Times and sizes\n\n| | | |\n|---|--:|---|\n")
		for _, n := range r.Numbers {
			fmt.Fprintf(&b, "| %s | %.2f | %s |\n", n.Name, n.Value, n.Unit)
		}
	}
	if len(r.Memory) > 0 {
		b.WriteString("\n## Memory of the host\n\n| | RSS MiB | PSS MiB | Private MiB |\n|---|--:|--:|--:|\n")
		for _, name := range r.weighed {
			m := r.Memory[name]
			fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", name, m.RSS>>20, m.PSS>>20, m.Private>>20)
		}
	}
	return b.String()
}
