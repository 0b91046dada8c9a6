package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/stream"
	"github.com/makebridge/makebridge/bridge/telemetry"
	"github.com/makebridge/makebridge/schemas"
)

// level is how much a finding matters.
type level string

const (
	// levelError: a bridge would not work.
	levelError level = "error"
	// levelWarning: it would work, and may surprise.
	levelWarning level = "warning"
	levelNote    level = "note"
)

// sort puts what matters most first.
func (r *report) sort() {
	order := []level{levelError, levelWarning, levelNote}
	slices.SortStableFunc(r.Findings, func(a, b finding) int {
		return slices.Index(order, a.Level) - slices.Index(order, b.Level)
	})
}

// finding is one thing that an operator should know.
type finding struct {
	Level level  `json:"level"`
	Text  string `json:"text"`
}

func found(l level, format string, args ...any) finding {
	return finding{l, fmt.Sprintf(format, args...)}
}

// verdict is the error that the errors found come to.
func (r *report) verdict() error {
	n := uint64(0)
	for _, f := range r.Findings {
		if f.Level == levelError {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return errors.New("a bridge would not work: " + plural(n, "error"))
}

// tracingFindings say what is wrong with the variables of OpenTelemetry.
func tracingFindings() []finding {
	var list []finding
	for _, e := range telemetry.CheckTracing() {
		list = append(list, found(levelError, "%v", e))
	}
	return list
}

func unknownFindings(environ []string) []finding {
	var list []finding
	for _, u := range config.Unknown(environ) {
		text := u.Name + " means nothing to makebridge"
		if u.Nearest != "" {
			text += "; did you mean " + u.Nearest + "?"
		}
		list = append(list, found(levelWarning, "%s", text))
	}
	return list
}

// idleFindings are variables of routes that are off.
func idleFindings(cfg *config.Config, environ []string) []finding {
	var list []finding
	for _, off := range cfg.Off {
		for _, name := range off.Idle(environ) {
			list = append(list, found(levelWarning, "%s is set and does nothing: %s", name, off.Reason))
		}
	}
	return list
}

// configFindings are settings that are valid each and dangerous together.
func configFindings(cfg *config.Config) []finding {
	var list []finding
	for _, r := range cfg.Routes {
		list = append(list, timeoutFindings(cfg, r)...)
		list = append(list, orderingFindings(cfg, r)...)
		if address := r.Destination.URL.Reveal(); isPlain(address.String()) {
			list = append(list, found(levelWarning, "route %s posts over plain http: events, keys and the URL travel in the clear", r.Name))
		}
	}
	longest := time.Duration(0)
	for _, r := range cfg.Routes {
		longest = max(longest, r.Timeout)
	}
	worst := time.Duration(cfg.Delivery.Attempts)*longest + longestPauses(cfg.Delivery)
	if worst > cfg.ShutdownTimeout && cfg.Delivery.Attempts > 1 && longest > 0 {
		list = append(list, found(levelNote, "one delivery takes up to %s (%d requests and the pauses between them), more than BRIDGE_SHUTDOWN_TIMEOUT=%s: "+
			"at shutdown it ends after the request in flight, and another replica begins it anew",
			short(worst), cfg.Delivery.Attempts, short(cfg.ShutdownTimeout)))
	}
	return list
}

func timeoutFindings(cfg *config.Config, r bridge.Route) []finding {
	var list []finding
	if r.Timeout >= cfg.AckWait {
		list = append(list, found(levelWarning, "route %s: a request may take %s, not less than BRIDGE_ACK_WAIT=%s: "+
			"should the bridge be cut off from NATS meanwhile, the event is delivered twice", r.Name, short(r.Timeout), short(cfg.AckWait)))
	}
	if r.Timeout >= cfg.ShutdownTimeout {
		list = append(list, found(levelWarning, "route %s: a request may take %s, not less than BRIDGE_SHUTDOWN_TIMEOUT=%s: "+
			"a shutdown may cut it off, and the event is delivered twice", r.Name, short(r.Timeout), short(cfg.ShutdownTimeout)))
	}
	return list
}

// orderingFindings say what follows from keeping an order.
func orderingFindings(cfg *config.Config, r bridge.Route) []finding {
	if r.Ordering != bridge.OrderingStrict || cfg.Retry.GiveUpAfter > 0 {
		return nil
	}
	return []finding{found(levelWarning, "route %s is strict and BRIDGE_GIVE_UP_AFTER is not set: an event that its webhook neither accepts nor "+
		"rejects keeps all events behind it waiting until the stream takes it; set BRIDGE_GIVE_UP_AFTER", r.Name)}
}

// longestPauses is the time between the requests of a delivery at the most:
// the n-th pause is at most 2ⁿ times the shortest.
func longestPauses(d config.Delivery) (sum time.Duration) {
	pause := d.BackoffMin
	for range d.Attempts - 1 {
		pause = min(2*pause, d.BackoffMax)
		sum += pause
	}
	return sum
}

// isPlain reports whether a URL would be refused without BRIDGE_ALLOW_HTTP.
func isPlain(address string) bool {
	_, err := bridge.ParseWebhookURL(address, false)
	return errors.Is(err, bridge.ErrPlainHTTP)
}

func payloadFindings(maxPayload int64) []finding {
	if maxPayload >= schemas.MaxBody {
		return nil
	}
	return []finding{found(levelNote, "the NATS server takes messages of up to %s (max_payload); make.com takes %s",
		size(maxPayload), size(schemas.MaxBody))}
}

func size(bytes int64) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// changeFindings say what is wrong with streams and consumers.
func changeFindings(cfg *config.Config, changes []stream.Change) []finding {
	var list []finding
	for _, c := range changes {
		what := c.Kind.String() + " " + c.Name
		differences := strings.Join(c.Differences, "; ")
		switch {
		case c.Action == stream.ActionBlocked && c.Optional:
			list = append(list, found(levelWarning, "no receipts are kept, which makebridge trace reads; events are delivered all the same: %v", c.Err))
		case c.Action == stream.ActionBlocked:
			list = append(list, found(levelError, "%v", c.Err))
		case c.Action == stream.ActionCreate && c.Kind == stream.KindStream && c.Name == cfg.Stream.Name:
			list = append(list, found(levelWarning, "%s does not exist: nothing can be published until makebridge setup or run creates it", what))
		case c.Action == stream.ActionUpdate && c.Vital:
			list = append(list, found(levelWarning, "%s differs until makebridge setup or run changes it: %s", what, differences))
		}
		for _, danger := range c.Dangers {
			list = append(list, found(levelWarning, "%s: %s", what, danger))
		}
		if c.Kind == stream.KindStream && c.Name == cfg.Stream.Name {
			list = append(list, retentionFindings(cfg.Retry, c)...)
		}
	}
	return list
}

// retentionFindings compare how long the stream keeps events with how long
// they are tried.
func retentionFindings(retry config.Retry, c stream.Change) []finding {
	if c.MaxAge == 0 {
		return nil
	}
	var list []finding
	if tried := redeliveries(retry); c.MaxAge < tried {
		list = append(list, found(levelWarning, "stream %s keeps events for %s, less than the %s that BRIDGE_REDELIVERY_DELAYS and "+
			"BRIDGE_MAX_DELIVERIES=%d try one: events would expire before they are exhausted",
			c.Name, short(c.MaxAge), short(tried), retry.MaxDeliveries))
	}
	if c.MaxAge < retry.GiveUpAfter {
		list = append(list, found(levelWarning, "stream %s keeps events for %s, less than BRIDGE_GIVE_UP_AFTER=%s: "+
			"events would expire before they are given up", c.Name, short(c.MaxAge), short(retry.GiveUpAfter)))
	}
	return list
}

// redeliveries is the time between an event's first and last delivery.
func redeliveries(r config.Retry) (sum time.Duration) {
	for i := range r.MaxDeliveries - 1 {
		delay := r.RedeliveryDelays[min(i, len(r.RedeliveryDelays)-1)]
		if sum += delay; sum < 0 {
			return time.Duration(1<<63 - 1)
		}
	}
	return sum
}
