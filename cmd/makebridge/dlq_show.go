package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
)

func newDLQShow(c *console) *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a dead letter: its reason, its headers and its body",
		Long: `Show a dead letter: why the event was not delivered, its headers and its body.
JSON is indented, anything else quoted. It shows what the event holds, personal
data included.

With -o json: one object. ` + letterJSONText + `
Beside those it has headers, and body where the event is JSON, body_text where
it is another text, body_base64 where it is none.`,
		Example: `  makebridge dlq show 17
  makebridge dlq show 17 --raw > event.json`,
		Args:              usageArgs(oneArg("ID")),
		ValidArgsFunction: c.completeLetters(1),
	}
	out := newOutput(cmd, c)
	cmd.Flags().BoolVar(&raw, "raw", false, "print only the event, byte for byte")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := letterIDs(args)
		if err != nil {
			return err
		}
		return openLetters(cmd.Context(), c, "show dead letter "+args[0], func(ctx context.Context, cfg *config.Installation, _ *link, letters *replay.Letters) error {
			l, err := letters.Get(ctx, ids[0])
			switch {
			case errors.Is(err, replay.ErrNoLetter):
				return fmt.Errorf("%d in %s: %w", ids[0], cfg.Stream.DLQ, err)
			case err != nil && (l.ID == 0 || raw):
				return err
			case raw:
				_, err = out.w.Write(l.Body)
				return err
			case out.isJSON():
				return errors.Join(out.writeJSON(newLetterView(l)), err)
			}
			printLetter(out, l)
			return err // of a body that cannot be read
		})
	}
	return cmd
}

// letterJSONText tells in the help what a letterLine has.
const letterJSONText = `A letter has id, route, subject, type, event_id,
reason, status, error, deliveries, sequence (of the event), stored_at,
published_at, failed_at and size; what is not known is left out or 0.`

// letterLine is a dead letter in JSON.
type letterLine struct {
	ID          uint64     `json:"id"`
	Route       string     `json:"route"`
	Subject     string     `json:"subject"`
	Type        string     `json:"type,omitempty"`
	EventID     string     `json:"event_id,omitempty"`
	Reason      string     `json:"reason"`
	Status      int        `json:"status,omitempty"`
	Error       string     `json:"error,omitempty"`
	Deliveries  int        `json:"deliveries"`
	Sequence    uint64     `json:"sequence"`
	StoredAt    time.Time  `json:"stored_at"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	FailedAt    *time.Time `json:"failed_at,omitempty"`
	Size        int        `json:"size"`
}

func newLetterLine(l replay.Letter) letterLine {
	return letterLine{
		l.ID, l.Route, l.Subject, l.Type, l.EventID, l.Reason, l.Status, l.Error, l.Deliveries, l.Sequence,
		l.Stored, timeOrNil(l.Published), timeOrNil(l.Failed), l.Size,
	}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// letterView is all of a dead letter in JSON.
type letterView struct {
	letterLine
	Headers    nats.Header     `json:"headers"`
	Body       json.RawMessage `json:"body,omitempty"`
	BodyText   string          `json:"body_text,omitempty"`
	BodyBase64 []byte          `json:"body_base64,omitempty"`
}

func newLetterView(l replay.Letter) letterView {
	v := letterView{letterLine: newLetterLine(l), Headers: l.Header}
	switch {
	case !utf8.Valid(l.Body):
		v.BodyBase64 = l.Body
	case json.Valid(l.Body):
		v.Body = l.Body
	default:
		v.BodyText = string(l.Body)
	}
	return v
}

// printLetter prints a letter for people.
func printLetter(out *output, l replay.Letter) {
	answer := printable(l.Error)
	if l.Status > 0 && !strings.Contains(answer, strconv.Itoa(l.Status)) {
		answer = strings.TrimSpace(fmt.Sprintf("HTTP %d %s", l.Status, answer))
	}
	for _, line := range [][2]string{
		{"id", strconv.FormatUint(l.ID, 10)},
		{"route", l.Route}, {"subject", l.Subject}, {"type", l.Type}, {"event_id", l.EventID},
		{"reason", l.Reason}, {"error", answer},
		{"deliveries", strconv.Itoa(l.Deliveries)},
		{"sequence", strconv.FormatUint(l.Sequence, 10)},
		{"published", clock(l.Published)}, {"failed", clock(l.Failed)},
	} {
		if line[1] != "" {
			out.item(fmt.Sprintf("%-12s", line[0]), printable(line[1]))
		}
	}
	fmt.Fprintln(out.w)
	out.title("Headers")
	for _, name := range slices.Sorted(maps.Keys(l.Header)) {
		for _, value := range l.Header[name] {
			out.item("  "+printable(name)+": ", printable(value))
		}
	}
	if l.Body == nil {
		return
	}
	fmt.Fprintln(out.w)
	out.title("Body")
	fmt.Fprintln(out.w, printableBody(l.Body))
}
