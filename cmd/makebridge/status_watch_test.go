package main

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// watch runs `makebridge status --watch` until stop is called, which returns
// the exit status.
func (w *world) watch(args ...string) (out *buffer, stop func() int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &buffer{}
	errs, exit := &buffer{}, make(chan int, 1)
	go func() {
		exit <- run(ctx, append([]string{"status", "--watch", "--interval", "100ms"}, args...), &console{environ: w.elsewhere(), in: strings.NewReader(""), out: out, err: errs})
	}()
	stop = func() int {
		cancel()
		status := <-exit
		exit <- status
		if status != exitDone {
			w.t.Log(errs.String())
		}
		return status
	}
	w.t.Cleanup(func() { stop() })
	return out, stop
}

// TestWatchInAPipe: a line at first, one for each change, none otherwise, and
// an outage of NATS is told once and waited for.
func TestWatchInAPipe(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("payments", standin.Status(410))
	p := w.start("BRIDGE_HOLD_MIN=1h", "BRIDGE_HOLD_MAX=1h")
	w.consumer("payments")
	w.consumer("cohort-enrollments")
	out, stop := w.watch()
	lines := func(pattern string) int {
		return len(regexp.MustCompile(`(?m)^20\S+Z `+pattern).FindAllString(out.String(), -1))
	}
	w.eventually("the first lines", func() bool {
		return lines(`payments pending=0 in_hand=0 parked=0 delivered=0 failed=0 destination=127.0.0.1:\d+#\w{6} oldest=-$`) == 1 && lines(`replicas alive=1 `) == 1
	})
	w.publish("payments.success", paymentEvent("event-1"))
	w.eventually("the hold", func() bool {
		return lines(`payments pending=0 in_hand=1 parked=1 .* held=misconfigured meaning="HTTP 410 Gone: no scenario .*" oldest=\d+s$`) == 1
	})
	p.end()
	w.eventually("the end of the replica", func() bool { return lines(`replicas alive=0 $`) == 1 })
	w.nats.Shutdown()
	w.eventually("the outage", func() bool { return lines("error the connection to NATS is lost") > 0 })
	w.startNATS()
	w.eventually("the end of the outage", func() bool { return lines("error over: all is known again$") > 0 })
	// Rates are not known while a replica is slow to answer.
	about := regexp.MustCompile(`(?m)^\S+Z cohort-enrollments .*$`).FindAllString(out.String(), -1)
	for i, line := range about {
		about[i] = regexp.MustCompile(`^\S+Z | (delivered|failed)=\S+`).ReplaceAllString(line, "")
	}
	if about = slices.Compact(about); len(about) != 3 { // it is well, its destination is held, no replica serves it
		t.Errorf("%d lines about a route that has changed twice:\n%s", len(about), out.String())
	}
	if status := stop(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
}

func TestWatchAsJSONIsALineForEachReport(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.start()
	w.consumer("payments")
	w.consumer("cohort-enrollments")
	out, stop := w.watch("-o", "json")
	w.eventually("three reports", func() bool { return strings.Count(out.String(), "\n") >= 3 })
	if status := stop(); status != exitDone {
		t.Errorf("exit status %d", status)
	}
	for line := range strings.Lines(out.String()) {
		var r statusReport
		if err := json.Unmarshal([]byte(line), &r); err != nil || len(r.Routes) != 2 {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// TestScreenIsDrawnInPlaceAndPutBack: one alternate screen, frames over each
// other, and at the end the terminal as it was with the last report on it.
func TestScreenIsDrawnInPlaceAndPutBack(t *testing.T) {
	var b buffer
	out := &output{w: &b, people: true}
	s := &statusScreen{out: out, interval: 2 * time.Second}
	long := exampleStatus()
	long.Routes = append(long.Routes, long.Routes...)
	if err := errors.Join(s.show(long), s.show(exampleStatus()), s.fit(), s.trouble(errors.New("NATS is away")), s.close()); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if !strings.HasPrefix(got, screenOpen+frameOpen) || strings.Count(got, screenOpen) != 1 {
		t.Errorf("opened %d times", strings.Count(got, screenOpen))
	}
	if n := strings.Count(got, frameOpen); n != 3 {
		t.Errorf("%d frames, want one for each report or trouble and none where nothing has changed", n)
	}
	last := strings.Join(exampleStatus().lines(out, 80), "\n") + "\n"
	if !strings.HasSuffix(got, frameClose+screenClose+last) {
		t.Errorf("the end is %q", got[strings.LastIndex(got, frameClose):])
	}
	frames := strings.Split(got, frameOpen)
	if n := strings.Count(frames[1], "\r\n"); n != 23 {
		t.Errorf("%d lines in a terminal of 24", n+1)
	}
	if !strings.Contains(frames[1], "every 2s; Ctrl-C ends it") || !strings.Contains(frames[1], "lines more") {
		t.Errorf("frame %q", frames[1])
	}
	if !strings.Contains(frames[3], ": NATS is away") || strings.Contains(frames[1], "no news") {
		t.Errorf("frame after trouble %q", frames[3])
	}

	var untouched buffer
	if err := (&statusScreen{out: &output{w: &untouched, people: true}}).close(); err != nil || untouched.String() != "" {
		t.Errorf("a screen that was never opened writes %q, %v", untouched.String(), err)
	}
}

// TestTerminalThatOnlyKnowsLinesGetsLines, as a pipe does.
func TestTerminalThatOnlyKnowsLinesGetsLines(t *testing.T) {
	if v, ok := newStatusView(&output{people: true}, time.Second).(*statusLog); !ok {
		t.Errorf("%T", v)
	}
	if v, ok := newStatusView(&output{people: true, draws: true}, time.Second).(*statusScreen); !ok {
		t.Errorf("%T", v)
	}
}
