package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

func newPublish(c *console) *cobra.Command {
	var flags publishFlags
	cmd := &cobra.Command{
		Use:   "publish SUBJECT|TYPE PAYLOAD",
		Short: "Publish an event",
		Long: `Wrap a payload into an event, check it, publish it, and print its event_id and
its sequence in the stream. PAYLOAD is JSON, @FILE, or - for standard input. An
invalid event is not published: what is wrong is printed, one line each.

A subject that the catalogue does not have takes any payload, and needs --type.
Those of NATS ($…), dead letters (dlq.>) and receipts (receipt.>) are refused.
With --envelope the subject may be left out; it is then that of the type.`,
		Example: `  makebridge publish payments.success '{"payment_id":"pay_1","amount":1200,
    "currency":"EUR","purpose":"course",
    "customer":{"id":"usr_1","email":"ada@example.com"}}'
  makebridge publish ticket.created @ticket.json
  makebridge publish payments.success --example
  makebridge publish payments.refunded --type payment.refunded '{"id":"pay_1"}'
  makebridge events show message.sent --example |
    makebridge publish --envelope -`,
		Args:              usageArgs(publishArgs),
		ValidArgsFunction: completeFirst(eventNames),
	}
	out := newOutput(cmd, c)
	cmd.Flags().BoolVar(&flags.example, "example", false, "publish the catalogue's example instead of a payload")
	cmd.Flags().BoolVar(&flags.envelope, "envelope", false, "the argument is the whole event")
	cmd.Flags().StringVar(&flags.typ, "type", "", "`TYPE` of the event, for a subject outside the catalogue")
	cmd.Flags().StringVar(&flags.id, "id", "", "`EVENT_ID`, which is stored once (default: a new UUIDv7)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		subject, event, err := flags.event(c.in, args)
		if err != nil {
			return spellOut(err)
		}
		return flags.publish(cmd.Context(), c, out, subject, event)
	}
	return cmd
}

func publishArgs(_ *cobra.Command, given []string) error {
	switch len(given) {
	case 0:
		return errors.New("SUBJECT or TYPE is missing")
	case 1, 2:
		return nil
	}
	return fmt.Errorf("publish takes SUBJECT or TYPE and PAYLOAD, not %d arguments; is PAYLOAD quoted?", len(given))
}

// spellOut gives an invalid event one line for each problem.
func spellOut(err error) error {
	var invalid *schemas.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	lines := []string{"the event is invalid, nothing was published"}
	for _, p := range invalid.Problems {
		lines = append(lines, "  "+p.String())
	}
	return errors.New(strings.Join(lines, "\n"))
}

type publishedLine struct {
	EventID   string `json:"event_id"`
	Type      string `json:"type"`
	Subject   string `json:"subject"`
	Stream    string `json:"stream"`
	Sequence  uint64 `json:"sequence"`
	Duplicate bool   `json:"duplicate"`
}

func (f publishFlags) publish(ctx context.Context, c *console, out *output, subject string, e *schemas.Event) error {
	cfg, err := c.loadInstallation("BRIDGE_STREAM")
	if err != nil {
		return err
	}
	nats, err := dial(cfg.NATS)
	if err != nil {
		return err
	}
	defer nats.close()
	ctx, cancel := nats.whileAllowed(ctx)
	defer cancel()
	ack, err := subjects.NewPublisher(nats.js, subjects.PublisherConfig{}).PublishEvent(ctx, subject, e)
	switch denied := nats.denial(); {
	case errors.Is(err, subjects.ErrNoStream):
		if err := nats.withoutJetStream(ctx); err != nil {
			return nats.explain("publish to "+subject, err)
		}
		return fmt.Errorf("no stream takes %s: makebridge setup creates one for the subjects of all routes; is this one of them?", subject)
	case err != nil && denied != nil:
		return f.explainDenial(denied, subject, e)
	case isFull(err):
		return fmt.Errorf("publish %s %s to %s: %s is full: raise its limits", e.Type, e.ID, subject, streamOf(ctx, nats, subject))
	case err != nil:
		return spellOut(err)
	}
	if ack.Stream != cfg.Stream.Name {
		fmt.Fprintf(c.err, "makebridge: stored in stream %s, not in %s (BRIDGE_STREAM): the bridge will not see it\n", ack.Stream, cfg.Stream.Name)
	}
	line := publishedLine{e.ID, e.Type, subject, ack.Stream, ack.Sequence, ack.Duplicate}
	if out.isJSON() {
		return out.writeJSON(line)
	}
	sequence := strconv.FormatUint(line.Sequence, 10)
	if line.Duplicate {
		sequence += " (it was stored before: an event_id is stored once)"
	}
	out.table("", [][]string{
		{"event_id", line.EventID}, {"subject", line.Subject}, {"stream", line.Stream}, {"sequence", sequence},
	})
	return nil
}

// explainDenial says of an event whose answer is not heard that it may have been
// stored, and how to find out.
func (f publishFlags) explainDenial(err error, subject string, e *schemas.Event) error {
	var denied *deniedError
	if !errors.As(err, &denied) || !denied.subscription {
		return fmt.Errorf("publish to %s: %w", subject, err)
	}
	again := "publish it again"
	if !f.envelope {
		again += " with --id " + e.ID
	}
	return fmt.Errorf("publish %s %s to %s: %s, so no answer comes and the event may have been stored: set NATS_INBOX_PREFIX and %s",
		e.Type, e.ID, subject, denied.refusal(), again)
}

// isFull reports whether a stream refused an event because of its limits. The
// server has one code for whatever keeps an event from being stored.
func isFull(err error) bool {
	const storeFailed = 10077
	var refusal *jetstream.APIError
	return errors.As(err, &refusal) && refusal.ErrorCode == storeFailed &&
		(refusal.Description == "maximum messages exceeded" || refusal.Description == "maximum bytes exceeded")
}

// streamOf names the stream that takes a subject, which a refusal does not.
func streamOf(ctx context.Context, nats *link, subject string) string {
	name, err := nats.js.StreamNameBySubject(ctx, subject)
	if err != nil {
		return "the stream of " + subject
	}
	return "stream " + name
}
