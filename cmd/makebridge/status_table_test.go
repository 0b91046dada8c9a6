package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/fleet"
)

// exampleStatus has one of everything that a status can tell.
func exampleStatus() *statusReport {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	makecom := func(id string) backlog.Destination {
		return backlog.Destination{ID: id + "ffff", Name: "hook.eu2.make.com#" + id}
	}
	gone := &backlog.Hold{
		Destination: makecom("aa01fe"), Reason: "misconfigured", Status: 410, Detail: "HTTP 410 Gone",
		Since: now.Add(-12 * time.Minute), Until: now.Add(2 * time.Minute), Probes: 5,
	}
	busy := backlog.Hold{
		Destination: makecom("b4ck0f"), Reason: "backpressure", Status: 429, Detail: "HTTP 429 Too Many Requests",
		Since: now.Add(-3 * time.Second), Until: now.Add(-time.Second),
	}
	oldest := func(age time.Duration) *backlog.Event {
		return &backlog.Event{Sequence: 7, Published: now.Add(-age), Expires: now.Add(time.Hour)}
	}
	return newStatusReport(backlog.State{
		At: now,
		Routes: []backlog.Route{
			{Name: "appointments", Known: true, Destination: makecom("aa01fe"), Hold: gone, NumPending: 1184, AckPending: 20, Parked: 1204, Oldest: oldest(12 * time.Minute)},
			{Name: "cohort-enrollments", Known: true, Destination: makecom("3fa9c1"), Others: []backlog.Destination{makecom("0ld000")}, NumPending: 3, AckPending: 16, Pending: 19, Oldest: oldest(time.Second)},
			{Name: "messages", Known: true, Destination: makecom("aa01fe"), Hold: gone},
			{Name: "orders-from-the-warehouse-in-rotterdam", Known: true, Destination: makecom("c0ffee"), NumPending: 23_456_789, AckPending: 20000, MaxAckPending: 20000, Delayed: 19_990, Parked: 19_990, Pending: 23_456_799, Oldest: oldest(25 * 24 * time.Hour)},
			{Name: "payments", Known: true, Destination: makecom("3fa9c1"), Owner: "p464Z6h5N1Q0wzH6JVp2KC", PausedFor: 90 * time.Minute},
			{Name: "support-tickets", Err: errNotFound{}},
		},
		Holds: []backlog.Hold{*gone, busy},
		Replicas: []backlog.Replica{
			{ID: "p464Z6h5N1Q0wzH6JVp2KC", Version: "1.4.0", Host: "makebridge-7c9d8f6b5-x2x4q", Started: now.Add(-49 * time.Hour)},
			{ID: "OrKrKGlVfkjDs6AsU7Y7BP", Version: "0.0.0-20261123235600-f8948201d9a1+dirty", Host: "makebridge-7c9d8f6b5-k8wzp", Started: now.Add(-time.Minute)},
		},
		ListErr: errNotFound{},
	}, []fleet.Replica{{ID: "p464Z6h5N1Q0wzH6JVp2KC", Routes: []fleet.Route{
		{Name: "payments", DeliveredLastMinute: 1234},
		{Name: "orders-from-the-warehouse-in-rotterdam", DeliveredLastMinute: 123_456, FailedLastMinute: 17, InHand: 10},
	}}}, nil)
}

type errNotFound struct{}

func (errNotFound) Error() string { return "look up consumer: not found" }

func TestStatusTable(t *testing.T) {
	for name, out := range map[string]struct {
		output
		width int
	}{
		"pipe":     {output{}, 0},
		"terminal": {output{people: true, colour: true}, 80},
		"wide":     {output{people: true}, 140},
		"narrow":   {output{people: true, width: 60}, 60},
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", "status_"+name+".golden")
			got := strings.Join(exampleStatus().lines(&out.output, out.width), "\n") + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			for line := range strings.Lines(got) {
				if n := visible(strings.TrimSuffix(line, "\n")); out.width > 0 && n > out.width {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"payments", 8, "payments"},
		{"hook.eu2.make.com#3fa9c1", 24, "hook.eu2.make.com#3fa9c1"},
		{"hook.eu2.make.com#3fa9c1", 18, "hook.eu2.m…#3fa9c1"},
		{"hook.eu2.make.com#3fa9c1", 12, "hook…#3fa9c1"},
		{"hook.eu2.make.com#3fa9c1", 4, "h…c1"},
		{"größer-als-der-Platz", 10, "gr…r-Platz"},
	} {
		got := shorten(tt.text, tt.width)
		if got != tt.want || utf8.RuneCountInString(got) > tt.width {
			t.Errorf("%s in %d: %s, want %s", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestRoundedNumbersAreShort(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 99_999: "99999", 100_000: "100k", 9_999_999: "9999k", 10_000_000: "10M", 123_456_789: "123M"} {
		if got := rounded(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestAgeIsItsLargestUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59*time.Second + 999*time.Millisecond: "59s", time.Minute: "1m", 59 * time.Minute: "59m",
		time.Hour: "1h", 47 * time.Hour: "47h", 48 * time.Hour: "2d", 1000 * 24 * time.Hour: "1000d",
	} {
		if got := age(d); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}

func TestEveryHoldSaysWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		hold backlog.Hold
		want string
	}{
		{backlog.Hold{Reason: "misconfigured", Status: 410, Detail: "HTTP 410 Gone"}, "HTTP 410 Gone: no scenario is listening; turn it on in make.com"},
		{backlog.Hold{Reason: "misconfigured", Status: 401, Detail: "HTTP 401 Unauthorized"}, "HTTP 401 Unauthorized: the webhook wants another API key; compare MAKE_WEBHOOK_<NAME>_API_KEY with make.com's"},
		{backlog.Hold{Reason: "backpressure", Status: 400, Detail: "HTTP 400 Bad Request: the queue is full"}, "HTTP 400 Bad Request: the queue is full: make.com asks to wait; the bridge goes on by itself"},
		{backlog.Hold{Reason: "failed", Detail: "timeout after 20s"}, "timeout after 20s: one event after another failed; the bridge tries on by itself, look into the scenario's history if that lasts"},
		{backlog.Hold{Reason: "of another version", Detail: "detail"}, "detail"},
	} {
		if got := holdMeaning(tt.hold); got != tt.want {
			t.Errorf("%s %d: %q, want %q", tt.hold.Reason, tt.hold.Status, got, tt.want)
		}
	}
}

func TestClipCountsNoColours(t *testing.T) {
	line := "\x1b[31mab\x1b[0mcd\x1b[2mef\x1b[0m"
	for width, want := range map[int]string{0: "\x1b[31m\x1b[0m\x1b[2m\x1b[0m", 3: "\x1b[31mab\x1b[0mc\x1b[2m\x1b[0m", 6: line, 9: line} {
		if got := clip(line, width); got != want {
			t.Errorf("clipped to %d: %q, want %q", width, got, want)
		}
	}
}

// TestFrameLeavesNothingOfTheOneBefore: it erases the rest of every line and
// all below, but not the last column, where a terminal keeps its cursor.
func TestFrameLeavesNothingOfTheOneBefore(t *testing.T) {
	for _, tt := range []struct {
		lines  []string
		height int
		want   string
	}{
		{[]string{"ab", "\x1b[1mabcd\x1b[0m"}, 3, "ab\x1b[K\r\n\x1b[1mabcd\x1b[0m\r\n\x1b[J"},
		{[]string{"abcdef", "ab"}, 2, "abcd\r\nab\x1b[K"},
	} {
		want := "\x1b[?2026h\x1b[H" + tt.want + "\x1b[?2026l"
		if diff := cmp.Diff(want, frame(tt.lines, 4, tt.height)); diff != "" {
			t.Errorf("frame (-want +got):\n%s", diff)
		}
	}
}
