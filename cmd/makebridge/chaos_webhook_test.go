package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

const (
	// chaosAnswer is how long an answer takes after the event was taken, so
	// that there is always something in flight to be cut off.
	chaosAnswer = 40 * time.Millisecond
	// chaosUnanswered is the status of events that are taken and never
	// answered. No client sees it.
	chaosUnanswered = http.StatusAccepted
)

// chaosRequest is what is kept of a request: little, as a long run has many.
type chaosRequest struct {
	sender            string // the life of a bridge
	delivery, attempt int
	came, settled     time.Time
	outcome           standin.Outcome
	status            int
	body              [sha256.Size]byte
}

// taken reports whether make.com would have the event.
func (r chaosRequest) taken() bool {
	return r.outcome == standin.OutcomeAcceptedReset || r.outcome == standin.OutcomeAnswered && r.status/100 == 2
}

// cutOff reports whether its sender was gone before it had sent it whole.
func (r chaosRequest) cutOff() bool { return r.outcome == standin.OutcomeAbandoned }

// chaosKey is an event at a destination: no event has two routes to one.
type chaosKey struct{ id, path string }

// chaosPhase is a time in which a destination does not work.
type chaosPhase struct {
	fault    chaosFault
	path     string
	rate     float64 // of the requests that the fault strikes
	from, to time.Time
}

// chaosFault is a way in which a destination does not work.
type chaosFault struct {
	name string
	do   standin.Behaviour
	// holds says that its first answer holds the destination.
	holds bool
}

func chaosFaults() []chaosFault {
	return []chaosFault{
		{"500", standin.Status(http.StatusInternalServerError), false},
		{"429", standin.TooManyRequests(""), true},
		{"429 Retry-After", standin.TooManyRequests("1"), true},
		{"queue full", standin.QueueFull(), true},
		{"410", standin.Status(http.StatusGone), true},
		{"hang", standin.Hang(), false},
		{"reset", standin.Reset(), false},
		{"accept-then-reset", standin.AcceptThenReset(), false},
		{"accept-then-silence", standin.Status(chaosUnanswered), false},
	}
}

// chaosWebhook is make.com with destinations that fail, one at a time.
type chaosWebhook struct {
	makecom  *standin.Server
	listener *httptest.Server
	seed     uint64

	mu       sync.Mutex // guards what follows
	requests map[chaosKey][]chaosRequest
	now      *chaosPhase // nil: all is well
	phases   []chaosPhase
}

func newChaosWebhook(seed uint64) *chaosWebhook {
	w := &chaosWebhook{seed: seed, requests: map[chaosKey][]chaosRequest{}}
	w.makecom = standin.New(standin.Config{Keep: 1, OnArrival: w.keep})
	w.makecom.Decide("", w.decide)
	w.listener = httptest.NewServer(w)
	return w
}

// close returns once no request is under way. It may be repeated.
func (w *chaosWebhook) close() {
	_ = w.makecom.Close()
	w.listener.Close()
}

// ServeHTTP has the stand-in answer, but not before a while.
func (w *chaosWebhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.makecom.ServeHTTP(&slowAnswer{rw, r}, r)
}

// slowAnswer lets an answer wait, or never go out.
type slowAnswer struct {
	http.ResponseWriter
	request *http.Request
}

func (a *slowAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *slowAnswer) WriteHeader(status int) {
	if status == chaosUnanswered {
		<-a.request.Context().Done()
		panic(http.ErrAbortHandler)
	}
	chaosPause(a.request.Context(), chaosAnswer)
	a.ResponseWriter.WriteHeader(status)
}

func (w *chaosWebhook) keep(a standin.Arrival) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := chaosKey{a.EventID, a.Path}
	w.requests[key] = append(w.requests[key], chaosRequest{
		sender: a.Header.Get("x-make-apikey"), delivery: a.Delivery, attempt: a.Attempt,
		came: a.Time, settled: a.Settled, outcome: a.Outcome, status: a.Status, body: sha256.Sum256(a.Body),
	})
}

// took reports whether an event was taken at a path.
func (w *chaosWebhook) took(id, path string) bool {
	return slices.ContainsFunc(w.requests[chaosKey{id, path}], chaosRequest.taken)
}

// decide goes by the request itself: its event's id, delivery and attempt.
func (w *chaosWebhook) decide(a standin.Arrival) standin.Behaviour {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now == nil || w.now.path != a.Path {
		return standin.Accept()
	}
	sum := sha256.Sum256(fmt.Append(nil, w.seed, a.EventID, a.Delivery, a.Attempt))
	if float64(sum[0])/256 < w.now.rate {
		return w.now.fault.do
	}
	return standin.Accept()
}

// misbehave has one destination fail after another until ctx is done.
func (w *chaosWebhook) misbehave(ctx context.Context, dice *rand.Rand) {
	deck, paths := chaosFaults(), chaosPaths()
	for {
		dice.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, fault := range deck {
			p := chaosPhase{fault: fault, path: paths[dice.IntN(len(paths))], rate: 1, from: time.Now()}
			if dice.IntN(2) == 0 {
				p.rate = 0.4
			}
			w.change(&p)
			chaosPause(ctx, between(dice, time.Second, 3*time.Second))
			w.change(nil)
			p.to = time.Now()
			w.phases = append(w.phases, p)
			if !chaosPause(ctx, between(dice, 300*time.Millisecond, time.Second)) {
				return
			}
		}
	}
}

func (w *chaosWebhook) change(p *chaosPhase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = p
}
