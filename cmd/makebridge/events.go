package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

func newEvents(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List the events of the catalogue, or show one",
		Long: `List the types of the catalogue, the subject that each is published on and the
route that takes it to make.com.`,
		Example: `  makebridge events
  makebridge events -o json
  makebridge events show payment.success`,
		Args: usageArgs(knownCommand),
	}
	out := newOutput(cmd, c)
	cmd.RunE = func(*cobra.Command, []string) error { return listEvents(out) }
	cmd.AddCommand(newEventsShow(c))
	return cmd
}

type eventLine struct {
	Type    string `json:"type"`
	Subject string `json:"subject"`
	Route   string `json:"route"`
}

func listEvents(out *output) error {
	lines := []eventLine{}
	rows := [][]string{{"TYPE", "SUBJECT", "ROUTE"}}
	for _, e := range subjects.Catalogue() {
		lines = append(lines, eventLine{e.Type, e.Subject, e.Route})
		rows = append(rows, []string{e.Type, e.Subject, e.Route})
	}
	if out.isJSON() {
		return out.writeJSON(lines)
	}
	out.table("", rows)
	return nil
}

func newEventsShow(c *console) *cobra.Command {
	var example bool
	cmd := &cobra.Command{
		Use:   "show TYPE|SUBJECT",
		Short: "Show the schema and an example of an event",
		Example: `  makebridge events show payment.success
  makebridge events show payment.success --example
  makebridge events show ticket.created --example |
    makebridge publish --envelope -`,
		Args:              usageArgs(oneArg("TYPE")),
		ValidArgsFunction: completeFirst(eventNames),
	}
	out := newOutput(cmd, c)
	cmd.Flags().BoolVar(&example, "example", false, "print only an example event, with an id of its own")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return showEvent(out, args[0], example) }
	return cmd
}

func showEvent(out *output, name string, onlyExample bool) error {
	entry, ok := find(name)
	if !ok {
		return &usageError{notInCatalogue(name)}
	}
	example, err := schemas.ExampleEvent(entry.Type)
	if err != nil {
		return err
	}
	if onlyExample {
		return out.writeJSON(example)
	}
	schema, ok := schemas.Schema(entry.Type)
	if !ok {
		return errors.New(entry.Type + " has no schema")
	}
	if out.isJSON() {
		return out.writeJSON(struct {
			eventLine
			Schema  json.RawMessage `json:"schema"`
			Example *schemas.Event  `json:"example"`
		}{eventLine{entry.Type, entry.Subject, entry.Route}, schema, example})
	}
	out.table("", [][]string{{"type", entry.Type}, {"subject", entry.Subject}, {"route", entry.Route}})
	fmt.Fprintln(out.w)
	out.title("Schema of the payload")
	if _, err := fmt.Fprintf(out.w, "%s\n\n", bytes.TrimSpace(schema)); err != nil {
		return err
	}
	out.title("Example")
	return out.writeJSON(example)
}

// find returns the entry of a type or a subject.
func find(name string) (subjects.Entry, bool) {
	if e, ok := subjects.ByType(name); ok {
		return e, true
	}
	return subjects.BySubject(name)
}

func notInCatalogue(name string) error {
	return fmt.Errorf("%q is neither a type nor a subject of the catalogue; makebridge events lists them", name)
}
