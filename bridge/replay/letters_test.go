package replay

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/embedded"
)

func zip(t *testing.T, w io.Writer, text string) {
	t.Helper()
	z := gzip.NewWriter(w)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFilter shows which letters a filter means, and that a page and a
// selection agree on it.
func TestFilter(t *testing.T) {
	b := newBed(t, embedded.Config{})
	b.letter("e-1")
	b.letter("e-2", "Makebridge-Reason", "expired")
	b.publish("dlq.payments.payments.refunded", eventBody("payment.refunded", "e-3")) // without headers
	b.publish("dlq.messages.messages.sent", zipped(t, eventBody("message.sent", "e-4")), "Makebridge-Body", "gzip", "Makebridge-Reason", "invalid")
	b.publish("dlq.payments.payments.success", "no JSON", "Makebridge-Reason", "invalid")
	b.publish("dlq.messages.messages.sent", "no gzip", "Makebridge-Body", "gzip")
	since := time.Now() // the server's clock is this one
	b.letter("e-1")
	for name, tt := range map[string]struct {
		filter Filter
		want   []uint64
	}{
		"all":               {Filter{}, []uint64{1, 2, 3, 4, 5, 6, 7}},
		"route":             {Filter{Route: "messages"}, []uint64{4, 6}},
		"no such route":     {Filter{Route: "message"}, nil},
		"reason":            {Filter{Reason: "invalid"}, []uint64{4, 5}},
		"type":              {Filter{Type: "payment.success"}, []uint64{1, 2, 7}},
		"type in the body":  {Filter{Type: "payment.refunded"}, []uint64{3}},
		"event":             {Filter{EventID: "e-1"}, []uint64{1, 7}},
		"event in the body": {Filter{EventID: "e-3"}, []uint64{3}},
		"event compressed":  {Filter{EventID: "e-4"}, []uint64{4}},
		"both":              {Filter{EventID: "e-3", Type: "payment.success"}, nil},
		"since":             {Filter{Since: since}, []uint64{7}},
		"since for ever":    {Filter{Since: since.Add(-time.Hour)}, []uint64{1, 2, 3, 4, 5, 6, 7}},
		"since never":       {Filter{Since: since.Add(time.Hour)}, nil},
		"bounds":            {Filter{After: 1, Before: 4}, []uint64{2, 3}},
		"beyond":            {Filter{After: 7}, nil},
		"all at once":       {Filter{Route: "payments", Type: "payment.success", EventID: "e-1", Reason: "rejected", Since: since, After: 2, Before: 9}, []uint64{7}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(append([]uint64{}, tt.want...), b.ids(tt.filter)); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
			page, err := b.letters().Page(t.Context(), tt.filter, 100)
			if err != nil {
				t.Fatal(err)
			}
			got := []uint64{}
			for _, l := range page {
				got = append(got, l.ID)
			}
			slices.Reverse(got)
			if diff := cmp.Diff(append([]uint64{}, tt.want...), got); diff != "" {
				t.Errorf("on the page (-want +got):\n%s", diff)
			}
			for id := uint64(1); id <= 7; id++ {
				l, err := b.letters().Get(t.Context(), id)
				if l.ID != id {
					t.Fatal(err)
				}
				if got := tt.filter.Matches(l); got != slices.Contains(tt.want, id) {
					t.Errorf("letter %d matches: %t", id, got)
				}
			}
		})
	}
}

func TestPageReadsFromTheEndOverGapsAndOtherRoutes(t *testing.T) {
	b := newBed(t, embedded.Config{})
	for i := range 700 {
		if i%300 == 7 {
			b.publish("dlq.messages.messages.sent", "")
		} else {
			b.letter(fmt.Sprint("e-", i))
		}
	}
	s, err := b.js.Stream(t.Context(), "EVENTS_DLQ")
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(330); seq < 600; seq++ {
		if err := s.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(f Filter, limit int) (ids []uint64) {
		t.Helper()
		page, err := b.letters().Page(t.Context(), f, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page {
			ids = append(ids, l.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]uint64{608, 308, 8}, ids(Filter{Route: "messages"}, 5)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint64{700, 699}, ids(Filter{}, 2)); diff != "" {
		t.Error(diff)
	}
	all := ids(Filter{}, 1000)
	if len(all) != 430 || all[0] != 700 || all[101] != 329 || !slices.IsSortedFunc(all, func(a, b uint64) int { return int(b) - int(a) }) {
		t.Errorf("%d letters: %v", len(all), all)
	}
	if diff := cmp.Diff(all[100:103], ids(Filter{Before: all[99]}, 3)); diff != "" {
		t.Errorf("the next page (-want +got):\n%s", diff)
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Consumers > 0 {
		t.Errorf("%d consumers are left behind, %v", info.State.Consumers, err)
	}
	counts, err := b.letters().Routes(t.Context())
	if diff := cmp.Diff(map[string]uint64{"payments": 427, "messages": 3}, counts); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestEmptyStreamHasNoLetters(t *testing.T) {
	b := newBed(t, embedded.Config{})
	for _, f := range []Filter{{}, {Since: time.Now()}, {Route: "payments", EventID: "x"}} {
		page, err := b.letters().Page(t.Context(), f, 3)
		if err != nil || len(page) > 0 || len(b.ids(f)) > 0 {
			t.Errorf("%+v: %v, %v", f, page, err)
		}
	}
	if _, err := b.letters().Get(t.Context(), 1); !errors.Is(err, ErrNoLetter) {
		t.Error(err)
	}
}

func TestGetReadsAWholeLetter(t *testing.T) {
	b := newBed(t, embedded.Config{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	id := b.publish("dlq.payments.payments.success", zipped(t, "the event"), "Makebridge-Body", "gzip", "X-Own", "kept",
		"Makebridge-Event-Id", "e-1", "Makebridge-Type", "payment.success", "Makebridge-Reason", "rejected", "Makebridge-Error", "HTTP 422: no",
		"Makebridge-Status", "422", "Makebridge-Deliveries", "3", "Makebridge-Sequence", "17",
		"Makebridge-Published-At", at.Format(time.RFC3339Nano), "Makebridge-Failed-At", at.Add(time.Hour).Format(time.RFC3339Nano))
	got, err := b.letters().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("X-Own") != "kept" || time.Since(got.Stored) > time.Hour {
		t.Errorf("%v, stored %s", got.Header, got.Stored)
	}
	got.Header, got.Stored, got.Size = nil, time.Time{}, 0
	want := Letter{
		ID: id, Route: "payments", Subject: "payments.success", EventID: "e-1", Type: "payment.success", Reason: "rejected", Error: "HTTP 422: no",
		Status: 422, Deliveries: 3, Sequence: 17, Published: at, Failed: at.Add(time.Hour), Body: []byte("the event"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, broken := range [][2]string{{"gzip", "no gzip"}, {"gzip", zipped(t, "cut off")[:20]}, {"brotli", "?"}} {
		id := b.publish("dlq.payments.payments.success", broken[1], "Makebridge-Body", broken[0])
		l, err := b.letters().Get(t.Context(), id)
		if err == nil || errors.Is(err, ErrNoLetter) || l.ID != id || l.Body != nil {
			t.Errorf("%s: letter %d, body %q, %v", broken[0], l.ID, l.Body, err)
		}
	}
}

func TestStreamThatIsMissing(t *testing.T) {
	b := newBed(t, embedded.Config{})
	if _, err := OpenLetters(t.Context(), b.js, "NONE"); err == nil || !strings.Contains(err.Error(), "stream NONE does not exist: create it with makebridge setup") {
		t.Error(err)
	}
}
