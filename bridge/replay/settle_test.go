package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/embedded"
)

func (b *bed) replay(ids ...uint64) Tally {
	b.t.Helper()
	tally, err := b.letters().Replay(b.t.Context(), b.events(), ids, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return tally
}

func TestReplayedLetterIsTheEventAgain(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.letter("e-1", "traceparent", "00-1", "Nats-Msg-Id", "the letter's", "Nats-Expected-Stream", "EVENTS_DLQ", "nats-ttl", "1h", "Makebridge-Error", "no")
	b.publish("dlq.payments.payments.success", zipped(t, "large"), "Makebridge-Body", "gzip", "X-Own", "1")
	if diff := cmp.Diff(Tally{Total: 2, Done: 2}, b.replay(1, 2)); diff != "" {
		t.Error(diff)
	}
	if left := b.stored("EVENTS_DLQ", ""); len(left) > 0 {
		t.Errorf("%d letters are left", len(left))
	}
	again := b.stored("EVENTS", "")
	if len(again) != 2 {
		t.Fatalf("%d events, want 2", len(again))
	}
	for i, want := range []struct {
		body   string
		header nats.Header
	}{
		{eventBody("payment.success", "e-1"), nats.Header{"traceparent": {"00-1"}, "Nats-Expected-Stream": {"EVENTS"}}},
		{"large", nats.Header{"X-Own": {"1"}, "Nats-Expected-Stream": {"EVENTS"}}},
	} {
		m := again[i]
		if m.Subject != "redeliver.payments.payments.success" || string(m.Data) != want.body {
			t.Errorf("%s %q", m.Subject, m.Data)
		}
		if id := m.Header.Get("Nats-Msg-Id"); !strings.HasPrefix(id, "letter:EVENTS_DLQ:") {
			t.Errorf("id %q", id)
		}
		for _, name := range []string{"Msg-Id", "Stream", "Subject", "Sequence", "Time-Stamp"} { // the last four are the answer's
			m.Header.Del("Nats-" + name)
		}
		if diff := cmp.Diff(want.header, m.Header); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	}
}

// TestLettersAreReplayedInTheirOrder: a route with ordering needs it.
func TestLettersAreReplayedInTheirOrder(t *testing.T) {
	b := newBed(t, embedded.Config{})
	const letters = 500
	for i := range letters {
		b.letter(fmt.Sprint("e-", i))
	}
	b.replay(b.ids(Filter{})...)
	for i, m := range b.stored("EVENTS", "redeliver.") {
		if want := eventBody("payment.success", fmt.Sprint("e-", i)); string(m.Data) != want {
			t.Fatalf("event %d is %s", i, m.Data)
		}
	}
}

// TestKilledBetweenStoringAndDeleting is a run that died there: its letter is
// replayed again, and its event stored once. The next letter of the same event
// is another one.
func TestKilledBetweenStoringAndDeleting(t *testing.T) {
	b := newBed(t, embedded.Config{})
	id := b.letter("e-1")
	msg, err := b.letters().copy(t.Context(), redelivery{b.js, "EVENTS"}, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Tally{Total: 1, Done: 1, Already: 1}, b.replay(id)); diff != "" {
		t.Error(diff)
	}
	if n := len(b.stored("EVENTS", "redeliver.")); n != 1 {
		t.Errorf("stored %d times", n)
	}
	if diff := cmp.Diff(Tally{Total: 1, Gone: 1}, b.replay(id)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Tally{Total: 1, Done: 1}, b.replay(b.letter("e-1"))); diff != "" {
		t.Error(diff)
	}
	if n := len(b.stored("EVENTS", "redeliver.")); n != 2 {
		t.Errorf("stored %d times, want 2", n)
	}
}

func TestInterruptedReplayEndsBetweenTwoLettersAndGoesOn(t *testing.T) {
	b := newBed(t, embedded.Config{})
	const letters = 400
	for i := range letters {
		b.letter(fmt.Sprint("e-", i))
	}
	ctx, interrupt := context.WithCancel(t.Context())
	first, err := b.letters().Replay(ctx, b.events(), b.ids(Filter{}), func(t Tally) {
		if t.Done == 20 {
			interrupt()
		}
	})
	if err != nil || ctx.Err() == nil || first.Left() == 0 || first.Done < 20 || first.Done > 20+window {
		t.Fatalf("%+v, %v", first, err)
	}
	if in, out := len(b.stored("EVENTS", "redeliver.")), len(b.stored("EVENTS_DLQ", "")); in != first.Done || out != first.Left() {
		t.Errorf("%d events and %d letters after %+v", in, out, first)
	}
	second := b.replay(b.ids(Filter{})...)
	if second.Done != first.Left() || second.Already > 0 {
		t.Errorf("%+v after %+v", second, first)
	}
	seen := map[string]int{}
	for _, m := range b.stored("EVENTS", "redeliver.") {
		seen[string(m.Data)]++
	}
	if len(seen) != letters || len(b.stored("EVENTS", "redeliver.")) != letters {
		t.Errorf("%d of %d events, stored %d times", len(seen), letters, len(b.stored("EVENTS", "redeliver.")))
	}
}

func TestTwoReplaysAtATimeStoreEachOnce(t *testing.T) {
	b := newBed(t, embedded.Config{})
	const letters = 300
	for i := range letters {
		b.letter(fmt.Sprint("e-", i))
	}
	ids, l, e := b.ids(Filter{}), b.letters(), b.events()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if tally, err := l.Replay(t.Context(), e, ids, nil); err != nil || tally.Done+tally.Gone != letters {
				t.Errorf("%+v, %v", tally, err)
			}
		})
	}
	both.Wait()
	if n := len(b.stored("EVENTS", "redeliver.")); n != letters || len(b.ids(Filter{})) > 0 {
		t.Errorf("%d events, want %d", n, letters)
	}
}

func TestLetterThatCannotBeReplayedIsLeftAndOthersGoOn(t *testing.T) {
	b := newBed(t, embedded.Config{MaxPayload: 8192})
	large := b.publish("dlq.payments.payments.success", zipped(t, strings.Repeat("x", 9000)), "Makebridge-Body", "gzip")
	broken := b.publish("dlq.payments.payments.success", "no gzip", "Makebridge-Body", "gzip")
	cut := b.publish("dlq.payments.payments.success", "a part", "Makebridge-Body", "truncated")
	foreign := b.publish("dlq.payments", "not the bridge's")
	fine := b.letter("e-1")
	tally := b.replay(large, broken, cut, foreign, fine)
	if tally.Done != 1 || len(tally.Failed) != 4 || tally.Left() != 0 {
		t.Fatalf("%+v", tally)
	}
	for _, f := range tally.Failed {
		want := map[uint64]string{large: "over the server's max_payload of 8192 bytes", broken: "decompress the body", cut: "6 bytes of the event are kept", foreign: "does not say where"}[f.ID]
		if !strings.Contains(f.Err.Error(), want) {
			t.Errorf("letter %d: %v", f.ID, f.Err)
		}
	}
	if diff := cmp.Diff([]uint64{large, broken, cut, foreign}, b.ids(Filter{})); diff != "" {
		t.Error(diff)
	}
}

// longSubject is one of as many bytes.
func longSubject(n int) string { return "payments." + strings.Repeat("x", n-len("payments.")) }

// longLetter stores the letter of an event with a subject of excessive length.
func (b *bed) longLetter(subject, id string) uint64 {
	b.t.Helper()
	return b.publish(bridge.LetterSubject("payments", subject), eventBody("payment.odd", id),
		"Makebridge-Event-Id", id, "Makebridge-Type", "payment.odd", "Makebridge-Reason", "rejected", "Makebridge-Subject", subject)
}

func TestLetterOfALongSubjectIsReplayedOnItsOwn(t *testing.T) {
	b := newBed(t, embedded.Config{})
	subject := longSubject(2100)
	id := b.longLetter(subject, "long")
	forged := b.letter("forged", "Makebridge-Subject", "payments.failed")
	for _, of := range []uint64{id, forged} {
		l, err := b.letters().Get(t.Context(), of)
		want := map[uint64]string{id: subject, forged: "payments.success"}[of]
		if err != nil || l.Route != "payments" || l.Subject != want {
			t.Errorf("route %s, subject %s: %v", l.Route, l.Subject, err)
		}
	}
	if got := b.ids(Filter{Route: "payments", EventID: "long"}); len(got) != 1 || got[0] != id {
		t.Fatalf("the letters %v are selected, want %d", got, id)
	}
	if tally := b.replay(id); tally.Done != 1 {
		t.Fatalf("%+v", tally)
	}
	stored := b.stored("EVENTS", "redeliver.")
	if len(stored) != 1 || stored[0].Subject != "redeliver.payments."+subject {
		t.Errorf("%d copies, want one on the event's own subject", len(stored))
	}
}

// TestSubjectThatIsTooLongToBeRedelivered would end the connection for good, and
// the run with it.
func TestSubjectThatIsTooLongToBeRedelivered(t *testing.T) {
	b := newBed(t, embedded.Config{})
	subject := longSubject(4060) // may be published, and redeliver.payments. before it may not
	long, fine := b.longLetter(subject, "long"), b.longLetter(longSubject(3900), "fine")
	const why = "the subject of its redelivery has 4079 bytes"
	tally := b.replay(long, fine)
	if tally.Done != 1 || len(tally.Failed) != 1 || tally.Failed[0].ID != long || !strings.Contains(tally.Failed[0].Err.Error(), why) {
		t.Errorf("letters: %+v", tally)
	}
	future, err := b.js.PublishAsync(subject, []byte(eventBody("payment.odd", "long")))
	if err != nil {
		t.Fatal(err)
	}
	event := (<-future.Ok()).Sequence
	b.event("payments.success", "payment.success", "fine")
	_, tally, err = b.events().Replay(t.Context(), b.pick(Selection{Route: "payments"}), bridge.Limit{}, nil)
	if err != nil || tally.Done != 1 || len(tally.Failed) != 1 || tally.Failed[0].ID != event || !strings.Contains(tally.Failed[0].Err.Error(), why) {
		t.Errorf("events: %+v, %v", tally, err)
	}
	if b.js.Conn().IsClosed() {
		t.Error("the connection has ended for good")
	}
}

func TestReplayEndsAtAnErrorOfAll(t *testing.T) {
	for name, tt := range map[string]struct {
		events, letters jetstream.StreamConfig
		want            string
	}{
		"no stream for redeliveries": {
			events: jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"payments.>"}},
			want:   "no stream takes redeliver.payments.payments.success: add it to stream EVENTS",
		},
		"letters that cannot be deleted": {
			letters: jetstream.StreamConfig{Name: "EVENTS_DLQ", Subjects: []string{"dlq.>"}, DenyDelete: true},
			want:    "stream EVENTS_DLQ does not allow messages to be deleted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, embedded.Config{})
			for _, c := range []jetstream.StreamConfig{tt.events, tt.letters} {
				if c.Name == "" {
					continue
				}
				if err := b.js.DeleteStream(t.Context(), c.Name); err != nil {
					t.Fatal(err)
				}
				b.stream(c)
			}
			id := b.letter("e-1")
			tally, err := b.letters().Replay(t.Context(), b.events(), []uint64{id}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tally.Left() != 1 {
				t.Errorf("%+v, %v", tally, err)
			}
			if len(b.ids(Filter{})) != 1 || len(b.stored("EVENTS", "redeliver.")) != 0 {
				t.Error("the letter is not where it was")
			}
		})
	}
}

// TestDiscardErasesFromTheDisk looks for a letter in the server's files.
func TestDiscardErasesFromTheDisk(t *testing.T) {
	dir := t.TempDir()
	b := newBed(t, embedded.Config{StoreDir: dir})
	const canary = "canary@example.com"
	for _, tt := range []struct {
		erase, stays bool
	}{{true, false}, {false, true}} {
		id := b.letter(canary)
		b.letter("another") // a block without letters is removed
		if !onDisk(t, dir, canary) {
			t.Fatal("the letter is in no file: the test looks in the wrong place")
		}
		tally, err := b.letters().Discard(t.Context(), []uint64{id}, tt.erase, nil)
		if err != nil || tally.Done != 1 {
			t.Fatalf("%+v, %v", tally, err)
		}
		if _, err := b.letters().Get(t.Context(), id); err == nil {
			t.Error("the letter is still there")
		}
		if got := onDisk(t, dir, canary); got != tt.stays {
			t.Errorf("erase %t: on disk %t", tt.erase, got)
		}
	}
}

func onDisk(t *testing.T, dir, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d == nil || d.IsDir() {
			return nil
		}
		b, _ := os.ReadFile(path) // files come and go
		found = found || bytes.Contains(b, []byte(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestKeptLettersAreNamed(t *testing.T) {
	const before, after = "refused; ", " again within 10m, after which that delivers twice"
	for letters, want := range map[int]string{
		1: "the event of letter 1 is stored for redelivery all the same: discard it, or replay it",
		2: "the events of letters 1, 2 are stored for redelivery all the same: discard them, or replay them",
		9: "the events of letters 1, 2, 3, 4, 5 and 4 more are stored for redelivery all the same: discard them, or replay them",
	} {
		kept := &KeptError{Window: 10 * time.Minute, Err: errors.New("refused")}
		for id := range letters {
			kept.Letters = append(kept.Letters, uint64(id+1))
		}
		if diff := cmp.Diff(before+want+after, kept.Error()); diff != "" {
			t.Error(diff)
		}
	}
}
