package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/webhook"
)

// volume is a directory of secrets as the kubelet keeps it: the files are links
// into ..data, which is a link to a directory that is never changed.
type volume struct {
	t    *testing.T
	path string
}

func newVolume(t *testing.T, files map[string]string) *volume {
	t.Helper()
	v := &volume{t, t.TempDir()}
	v.swap(files)
	for name := range files {
		v.must(os.Symlink(filepath.Join("..data", name), v.file(name)))
	}
	return v
}

func (v *volume) file(name string) string { return filepath.Join(v.path, name) }

// swap puts other content into all files at once.
func (v *volume) swap(files map[string]string) {
	v.t.Helper()
	old, _ := os.Readlink(v.file("..data"))
	fresh := v.file(fmt.Sprint("..", time.Now().UnixNano()))
	v.must(os.Mkdir(fresh, 0o700))
	for name, content := range files {
		v.must(os.WriteFile(filepath.Join(fresh, name), []byte(content+"\n"), 0o600))
	}
	v.must(os.Symlink(filepath.Base(fresh), v.file("..data_tmp")))
	v.must(os.Rename(v.file("..data_tmp"), v.file("..data")))
	if old != "" {
		v.must(os.RemoveAll(v.file(old)))
	}
}

func (v *volume) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// env has the payments route read its URL and key from the volume.
func (v *volume) env() []string {
	return []string{
		"MAKE_WEBHOOK_PAYMENTS_URL=", "MAKE_WEBHOOK_PAYMENTS_URL_FILE=" + v.file("url"),
		"MAKE_WEBHOOK_PAYMENTS_API_KEY_FILE=" + v.file("key"),
	}
}

// TestKeyIsRotatedUnderLoad: make.com takes another key, and some time later the
// file has it. Nothing is lost, doubled or counted as failed, and no key shows.
func TestKeyIsRotatedUnderLoad(t *testing.T) {
	const first, second, events = "kEyCaNaRy1", "kEyCaNaRy2", 400
	w := newWorld(t, embedded.Config{}, standin.Config{})
	var wanted atomic.Value
	wanted.Store(first)
	w.makecom.Decide("payments", func(a standin.Arrival) standin.Behaviour {
		if a.Header.Get("x-make-apikey") != wanted.Load() {
			return standin.StatusWith(http.StatusUnauthorized, nil, "no "+a.Header.Get("x-make-apikey"))
		}
		return standin.Accept()
	})
	url := w.makecom.URL("payments")
	secrets := newVolume(t, map[string]string{"url": url, "key": first})
	p := w.start(append(secrets.env(), "BRIDGE_RATE_LIMIT=off", "BRIDGE_LOG_LEVEL=debug",
		"BRIDGE_HOLD_MIN=1h", "BRIDGE_HOLD_MAX=1h")...)

	for n := range events {
		if n == events/2 {
			wanted.Store(second)
		}
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", n)))
		if n == events/2 {
			w.eventually("the old key to be refused", func() bool { return w.makecom.Counts().ByStatus[http.StatusUnauthorized] > 0 })
			secrets.swap(map[string]string{"url": url, "key": second})
		}
	}
	w.settled("payments")
	replaced := func() int { return strings.Count(p.log.String(), `"msg":"destination replaced"`) }
	w.eventually("the destinations to be replaced", func() bool { return replaced() >= 2 })

	accepted := map[string]int{}
	for _, a := range w.makecom.Arrivals() {
		if a.Accepted() {
			accepted[a.EventID]++
		}
		if a.Delivery != 1 {
			t.Errorf("%s has spent a delivery", a.EventID)
		}
	}
	for n := range events {
		if id := fmt.Sprint("event-", n); accepted[id] != 1 {
			t.Errorf("%s was accepted %d times, want once", id, accepted[id])
		}
	}
	if n := replaced(); n != 2 { // cohort-enrollments has it too
		t.Errorf("%d destinations replaced, want that of two routes", n)
	}
	if !strings.Contains(p.log.String(), `"changed":["api_key"]`) {
		t.Error("the log does not say what has changed")
	}
	for _, canary := range []string{first, second, url} {
		if strings.Contains(p.log.String(), canary) {
			t.Errorf("%s shows in the log", canary)
		}
	}
}

// TestNewURLShedsTheHold: events that wait for a webhook that is gone are sent
// to the one that takes its place, at once and with no delivery spent.
func TestNewURLShedsTheHold(t *testing.T) {
	const events = 10
	w := newWorld(t, embedded.Config{}, standin.Config{})
	w.makecom.Default("old", standin.Status(http.StatusGone))
	secrets := newVolume(t, map[string]string{"url": w.makecom.URL("old"), "key": "k"})
	p := w.start(append(secrets.env(), "BRIDGE_HOLD_MIN=1h", "BRIDGE_HOLD_MAX=1h")...)
	for n := range events {
		w.publish("payments.success", paymentEvent(fmt.Sprint("event-", n)))
		w.publish("cohorts.enrollment.renewed", fmt.Sprintf(
			`{"type":"cohort.enrollment.renewed","event_id":"renewed-%d","sent_at":"2026-01-02T03:04:05Z","payload":{}}`, n))
	}
	w.eventually("the hold", func() bool { return strings.Contains(p.log.String(), `"msg":"destination held"`) })
	for _, route := range []string{"payments", "cohort-enrollments"} {
		w.eventually("the events of "+route+" to be in hand", func() bool { return w.consumer(route).NumAckPending == events })
	}
	spent := len(w.makecom.Arrivals())

	secrets.swap(map[string]string{"url": w.makecom.URL("new"), "key": "k"})
	w.settled("payments")
	w.settled("cohort-enrollments")

	arrivals := w.makecom.Arrivals()[spent:]
	if len(arrivals) != 2*events {
		t.Errorf("%d requests after the rotation, want one an event", len(arrivals))
	}
	for _, a := range arrivals {
		if a.Path != "/new" || a.Delivery != 1 {
			t.Errorf("%s went to %s as delivery %d", a.EventID, a.Path, a.Delivery)
		}
	}
}

func TestBadFileChangesNothing(t *testing.T) {
	w := newWorld(t, embedded.Config{}, standin.Config{})
	secrets := newVolume(t, map[string]string{"url": w.makecom.URL("payments"), "key": "k1"})
	p := w.start(secrets.env()...)
	post := func(id string) {
		t.Helper()
		w.publish("payments.success", paymentEvent(id))
		w.settled("payments")
	}
	post("before")
	secrets.swap(map[string]string{"url": "UrLcAnArY", "key": "k2"})
	w.eventually("the problem in the log", func() bool {
		return strings.Contains(p.log.String(), "MAKE_WEBHOOK_PAYMENTS_URL_FILE: must start with https://")
	})
	post("meanwhile")
	secrets.swap(map[string]string{"url": w.makecom.URL("mended"), "key": "k3"})
	w.eventually("the mended file", func() bool {
		return strings.Contains(p.log.String(), `"msg":"destination replaced","route":"payments"`)
	})
	post("after")

	for i, want := range []string{"before: /payments k1", "meanwhile: /payments k1", "after: /mended k3"} {
		a := w.makecom.Arrivals()[i]
		if got := fmt.Sprintf("%s: %s %s", a.EventID, a.Path, a.Header.Get("x-make-apikey")); got != want {
			t.Errorf("posted %s, want %s", got, want)
		}
	}
	if strings.Contains(p.log.String(), "UrLcAnArY") {
		t.Error("what the file held shows in the log")
	}
}

// TestRotationSharesDestinations: routes with one URL have one destination,
// whichever of them came to it when.
func TestRotationSharesDestinations(t *testing.T) {
	load := func(urls ...string) *config.Config {
		t.Helper()
		var environ []string
		for i, route := range []string{"PAYMENTS", "MESSAGES", "ADMIN"} {
			environ = append(environ, "MAKE_WEBHOOK_"+route+"_URL=https://hook.example.com/"+urls[i])
			environ = append(environ, "MAKE_WEBHOOK_"+route+"_API_KEY=key-of-"+urls[i])
		}
		cfg, err := config.Load(environ)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	var log bytes.Buffer
	client := webhook.New(webhook.Config{})
	defer client.Close()
	o := newRotation(slog.New(slog.NewTextHandler(&log, nil)))
	o.client = client
	cfg := load("a", "a", "b")
	for _, r := range pointers(cfg.Routes) {
		o.follow(r.Name, newPipeline(cfg, r, nil, nil, nil))
	}
	at := func(route string) *bridge.Destination { return o.pipelines[route].Destination() }
	a, b := at("payments"), at("admin")

	o.take(load("a", "a", "b"))
	if log.Len() > 0 || at("payments") != a || at("messages") != a || at("admin") != b {
		t.Fatalf("destinations that are the same were replaced:\n%s", log.String())
	}
	o.take(load("a", "b", "b"))
	if at("payments") != a || at("messages") != b || at("admin") != b || at("cohort-messages") != b {
		t.Error("routes with one URL have several destinations, or lost the one they had")
	}
	if n := strings.Count(log.String(), "destination replaced"); n != 2 {
		t.Errorf("%d lines about messages and cohort-messages:\n%s", n, log.String())
	}
	o.take(load("c", "b", "c"))
	if c := at("payments"); c == a || c != at("admin") || c != at("cohort-enrollments") || at("messages") != b {
		t.Error("routes with one new URL have several destinations")
	}
	if from, to := fmt.Sprint("from=", a.URL), fmt.Sprint("to=", at("payments").URL); !strings.Contains(log.String(), from+" "+to+` changed="[url api_key]"`) {
		t.Errorf("the log does not say %s %s:\n%s", from, to, log.String())
	}
}

// TestReleaseDoesNotWaitForWhatItBringsBack: the event that released the
// destination is acknowledged after that.
func TestReleaseDoesNotWaitForWhatItBringsBack(t *testing.T) {
	u, err := bridge.ParseWebhookURL("https://hook.example.com/payments", false)
	if err != nil {
		t.Fatal(err)
	}
	o, long, routes := newRotation(slog.New(slog.DiscardHandler)), make(chan struct{}), make(chan string, 1)
	o.bringBack = func(_ context.Context, route string) { <-long; routes <- route }
	o.follow("payments", bridge.NewPipeline(bridge.Config{Route: &bridge.Route{Name: "payments", Destination: &bridge.Destination{URL: u}}}))
	o.released(t.Context(), u.ID())
	close(long)
	o.returning.Wait()
	if route := <-routes; route != "payments" {
		t.Errorf("events of %s were brought back", route)
	}
}
