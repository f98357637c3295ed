package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Position is a place in a document; lines and columns count from 1.
type Position struct{ Line, Column int }

// Positions maps the paths of a document's values to their places. A path
// names keys, separated by dots, and indices of lists: "channels.users.path",
// "services[0].path". Names may hold dots too: paths are built, never taken
// apart.
type Positions map[string]Position

// Find returns the place of a path or, if the document does not have it, that
// of the nearest value around it.
func (p Positions) Find(path string) (Position, bool) {
	for path != "" {
		if at, ok := p[path]; ok {
			return at, true
		}
		path = path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 0)]
	}
	at, ok := p[""]
	return at, ok
}

// Locate returns the problems with the places of their paths.
func (p Positions) Locate(problems []Problem) []Problem {
	out := make([]Problem, len(problems))
	for i, problem := range problems {
		out[i] = problem
		out[i].Position, _ = p.Find(problem.Path)
	}
	return out
}

// Path joins the names of a value.
func Path(names ...string) string { return strings.Join(names, ".") }

// Index is the path of an item of a list.
func Index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// Problem is what is wrong with one value.
type Problem struct {
	Position
	Path    string // "" is the document itself
	Message string
}

// Error is a document that cannot be used.
type Error struct {
	File     string
	Problems []Problem // in the order of the document
}

// Error returns a line for each problem: FILE:LINE:COLUMN: PATH: MESSAGE.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: ", e.File, p.Line, p.Column)
		if p.Path != "" {
			lines[i] += p.Path + ": "
		}
		lines[i] += p.Message
	}
	return strings.Join(lines, "\n")
}

var errEmpty = errors.New("the document is empty")

// newError returns the problems in the order of the document.
func newError(file string, problems []Problem) *Error {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{File: file, Problems: problems}
}

// NewError returns an error about the problems, whose places the positions have.
func NewError(file string, at Positions, problems []Problem) *Error {
	return newError(file, at.Locate(problems))
}
