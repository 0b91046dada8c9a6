package config

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/makebridge/makebridge/bridge"
)

// Problem is one thing that is wrong with one variable.
type Problem struct {
	// Variable is the name to look for in the environment.
	Variable string
	// Message says what is wrong, and what to do about it where that is not
	// plain. It may name other variables; it holds the value of none.
	Message string
}

// String returns the problem in one line.
func (p Problem) String() string { return quoteName(p.Variable) + ": " + p.Message }

// Error is all that is wrong with a configuration: at least one problem, in the
// order in which the variables are documented, none of them twice.
type Error struct {
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("the configuration has " + strconv.Itoa(len(e.Problems)) + " problem")
	if len(e.Problems) != 1 {
		b.WriteByte('s')
	}
	b.WriteByte(':')
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Join returns an *Error with the problems of all errors, in their order, nil if
// all are nil. Errors that are no *Error it leaves as errors.Join does.
func Join(errs ...error) error {
	var all Error
	for _, err := range errs {
		var e *Error
		switch {
		case errors.As(err, &e):
			all.Problems = append(all.Problems, e.Problems...)
		case err != nil:
			return errors.Join(errs...)
		}
	}
	if len(all.Problems) == 0 {
		return nil
	}
	return &all
}

// quoteName keeps a name that somebody made up from breaking the list.
func quoteName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }) {
		return strconv.QuoteToASCII(name)
	}
	return name
}

// problems collects what Load finds.
type problems struct {
	list []Problem
}

func (p *problems) add(variable, message string) {
	p.list = append(p.list, Problem{variable, message})
}

func (p *problems) has(variable string) bool {
	return slices.ContainsFunc(p.list, func(o Problem) bool { return o.Variable == variable })
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	rank := ranks()
	slices.SortFunc(p.list, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(rank.of(a.Variable), rank.of(b.Variable)),
			cmp.Compare(a.Variable, b.Variable),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return &Error{slices.Compact(p.list)}
}

// ranking is the place of each variable in the documentation.
type ranking map[string]int

func ranks() ranking {
	r := ranking{}
	for _, v := range Variables() {
		r[v.Name] = len(r)
	}
	for _, name := range builtInVariables() {
		r[name] = len(r)
	}
	return r
}

// of puts what belongs to no built-in route last.
func (r ranking) of(variable string) int {
	if i, ok := r[variable]; ok {
		return i
	}
	return len(r)
}

// fault is what is wrong with a value, said without the value.
type fault string

func (f fault) Error() string { return string(f) }

// faultOf says what err says if that is known to hold no value: a fault's own
// words, those that may be chosen, or the operating system's reason without the
// path.
func faultOf(err error, otherwise string) string {
	var (
		f      fault
		choice *bridge.ChoiceError
		path   *fs.PathError
	)
	switch {
	case errors.As(err, &f):
		return string(f)
	case errors.As(err, &choice):
		return choice.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	default:
		return otherwise
	}
}
