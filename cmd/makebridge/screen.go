package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// screen is what `dev` shows: a line for each settled event, and at the end a
// table or a sum. It is an observer of the bridge.
type screen struct {
	out   io.Writer
	paint func(colour int, text string) string

	mu       sync.Mutex
	expected []string // event ids, in the order of publishing
	types    map[string]string
	results  map[string]result
	counts   map[bridge.Outcome]int
	changed  chan struct{}
}

type result struct {
	route string
	bridge.Verdict
}

const (
	red    = 31
	green  = 32
	yellow = 33
	dim    = 2
)

func newScreen(out io.Writer, coloured bool) *screen {
	paint := func(_ int, text string) string { return text }
	if coloured {
		paint = func(colour int, text string) string { return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, text) }
	}
	return &screen{
		out: out, paint: paint, types: map[string]string{}, results: map[string]result{},
		counts: map[bridge.Outcome]int{}, changed: make(chan struct{}, 1),
	}
}

const welcomeText = `makebridge dev: NATS JetStream → makebridge → a make.com stand-in

  NATS       %s, streams in %s
  make.com   %s, answers 200 Accepted
`

const secondTerminalText = `
In a second terminal, look with the nats CLI
(go install github.com/nats-io/natscli/nats@latest):
  nats -s %[1]s stream ls
  nats -s %[1]s consumer info EVENTS payments
  nats -s %[1]s sub 'payments.>'
and publish the next event, with makebridge or with nats:
  NATS_URL=%[1]s \
    %[2]s publish ticket.created --example
  nats -s %[1]s pub -J cohorts.enrollment.created \
    '{"type":"cohort.enrollment.created","event_id":"{{ID}}",
      "sent_at":"{{TimeStamp}}","payload":{"enrollment_id":"e1",
      "cohort_id":"c1","student":{"id":"s1","email":"ada@example.com"}}}'

Ctrl-C ends it.
`

// welcome says what runs where, and what to do next.
func (s *screen) welcome(server *embedded.Server, makecom *standin.Server, flags devFlags, program string) {
	store := "a temporary directory"
	if flags.store != "" {
		store = flags.store
	}
	fmt.Fprintf(s.out, welcomeText, server.URL(), store, makecom.URL(""))
	if !flags.once {
		fmt.Fprintf(s.out, secondTerminalText, server.URL(), program)
	}
	fmt.Fprintln(s.out)
}

// expect announces an event that will be published.
func (s *screen) expect(id, typ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = append(s.expected, id)
	s.types[id] = typ
}

// Settled shows what became of an event.
func (s *screen) Settled(route string, m bridge.Message, v bridge.Verdict) {
	if v.Outcome == bridge.HandedBack {
		return // it will be delivered again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[v.Outcome]++
	if v.Outcome != bridge.Retried {
		s.results[v.EventID] = result{route, v}
	}
	fmt.Fprintf(s.out, "%s  %-30s  %-18s  %s\n", s.paint(dim, time.Now().Format(time.TimeOnly)), m.Subject, route, s.told(v))
	if v.Error != "" {
		fmt.Fprintf(s.out, "          %s\n", s.paint(dim, v.Error))
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// told is a verdict in a few words.
func (s *screen) told(v bridge.Verdict) string {
	switch v.Outcome {
	case bridge.Delivered:
		return s.paint(green, fmt.Sprintf("%d in %s", v.Status, v.Duration.Round(time.Millisecond)))
	case bridge.Filtered:
		return s.paint(dim, "filtered")
	case bridge.Retried:
		return s.paint(yellow, fmt.Sprintf("again in %s", v.Delay.Round(time.Second)))
	case bridge.DeadLettered:
		return s.paint(red, "DLQ: "+v.Reason.String())
	case bridge.HandedBack:
	}
	return v.Outcome.String()
}

// await returns when something has become of every expected event, when ctx is
// done, or after onceTimeout.
func (s *screen) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, onceTimeout)
	defer cancel()
	for !s.complete() {
		select {
		case <-s.changed:
		case <-ctx.Done():
			return
		}
	}
}

func (s *screen) complete() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.expected {
		if _, ok := s.results[id]; !ok {
			return false
		}
	}
	return true
}

// table prints what became of each expected event. Its error says which were
// neither delivered nor filtered.
func (s *screen) table() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var missing []string
	fmt.Fprintf(s.out, "\n%-30s  %-18s  %-13s  %s\n", "TYPE", "ROUTE", "OUTCOME", "STATUS")
	for _, id := range s.expected {
		r, ok := s.results[id]
		outcome, status := "missing", ""
		if ok {
			outcome = r.Outcome.String()
		}
		if r.Status > 0 {
			status = fmt.Sprint(r.Status)
		}
		if r.Outcome != bridge.Delivered && r.Outcome != bridge.Filtered {
			missing = append(missing, s.types[id])
		}
		line := fmt.Sprintf("%-30s  %-18s  %-13s  %s", s.types[id], r.route, outcome, status)
		fmt.Fprintln(s.out, strings.TrimRight(line, " "))
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d of %d events were not delivered: %s", len(missing), len(s.expected), strings.Join(missing, ", "))
	}
	return nil
}

// sum prints the last line.
func (s *screen) sum() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\n%d delivered, %d filtered, %d put off, %d dead-lettered\n",
		s.counts[bridge.Delivered], s.counts[bridge.Filtered], s.counts[bridge.Retried], s.counts[bridge.DeadLettered])
}
