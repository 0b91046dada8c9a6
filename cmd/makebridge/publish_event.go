package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// publishFlags say, with the arguments, what event is to be published.
type publishFlags struct {
	example, envelope bool
	typ, id           string
}

// event makes the event that the command line describes.
func (f publishFlags) event(in io.Reader, args []string) (subject string, e *schemas.Event, err error) {
	if f.envelope {
		return f.whole(in, args)
	}
	subject, typ, err := f.target(args[0])
	if err != nil {
		return "", nil, err
	}
	var payload []byte
	switch {
	case f.example && len(args) > 1:
		return "", nil, &usageError{errors.New("--example takes no payload")}
	case f.example:
		if payload, _ = schemas.Example(typ); payload == nil {
			return "", nil, &usageError{notInCatalogue(args[0])}
		}
	case len(args) < 2:
		return "", nil, &usageError{errors.New("no payload: give JSON, @FILE, - or --example; see makebridge publish --help")}
	default:
		if payload, err = readArgument(in, args[1]); err != nil {
			return "", nil, err
		}
	}
	if !json.Valid(payload) { // most likely a matter of the shell's quotes
		return "", nil, &schemas.InvalidError{Problems: []schemas.Problem{{Pointer: "/payload", Rule: "is not JSON"}}}
	}
	var options []schemas.Option
	if f.id != "" {
		options = append(options, schemas.WithID(f.id))
	}
	if e, err = schemas.Wrap(typ, payload, options...); err != nil {
		return "", nil, err
	}
	return subject, e, subjects.Validate(subject, e)
}

// whole reads an event with its envelope.
func (f publishFlags) whole(in io.Reader, args []string) (subject string, e *schemas.Event, err error) {
	if f.example || f.typ != "" || f.id != "" {
		return "", nil, &usageError{errors.New("--envelope takes a whole event: --example, --type and --id do not go with it")}
	}
	data, err := readArgument(in, args[len(args)-1])
	if err != nil {
		return "", nil, err
	}
	if e, err = schemas.Decode(data); err != nil {
		return "", nil, err
	}
	if len(args) > 1 {
		subject, _, err = publishFlags{typ: e.Type}.target(args[0])
	} else if entry, ok := subjects.ByType(e.Type); ok {
		subject = entry.Subject
	} else {
		err = &usageError{errors.New("the event's type is not in the catalogue: give its subject before the event")}
	}
	if err != nil {
		return "", nil, err
	}
	return subject, e, subjects.Validate(subject, e)
}

// target returns where an event travels, and its type.
func (f publishFlags) target(name string) (subject, typ string, err error) {
	if entry, ok := find(name); ok {
		return entry.Subject, cmp.Or(f.typ, entry.Type), nil
	}
	switch {
	case !subjects.ValidLiteral(name):
		return "", "", &usageError{fmt.Errorf("%q is not a subject that can be published on", name)}
	case !subjects.ForEvents(name):
		return "", "", &usageError{fmt.Errorf("%q is not for events: $… is NATS's own, dlq.> and receipt.> are the bridge's; "+
			"publish on a subject of a route, as makebridge events lists them", name)}
	case f.typ == "":
		return "", "", &usageError{fmt.Errorf("%w; for an event of your own, say its --type", notInCatalogue(name))}
	}
	return name, f.typ, nil
}

// readArgument returns what an argument stands for: itself, a file, or
// standard input.
func readArgument(in io.Reader, arg string) (data []byte, err error) {
	path, isFile := strings.CutPrefix(arg, "@")
	what := path
	switch {
	case arg == "":
		return nil, &usageError{errors.New("PAYLOAD is empty: give JSON, @FILE, - or --example; see makebridge publish --help")}
	case isFile && path == "":
		return nil, &usageError{errors.New("name a file after @; see makebridge publish --help")}
	case isFile:
		data, err = os.ReadFile(path) //nolint:gosec // whoever calls names the file
	case arg == "-":
		what = "standard input"
		data, err = io.ReadAll(io.LimitReader(in, schemas.MaxBody+1)) // one more is too large, and told of
		if err != nil {
			err = fmt.Errorf("read %s: %w", what, err)
		}
	default:
		return []byte(arg), nil
	}
	if err == nil && len(bytes.TrimSpace(data)) == 0 {
		err = fmt.Errorf("%s is empty, nothing was published", what)
	}
	return data, err
}
