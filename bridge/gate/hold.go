package gate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// Hold is why and until when a destination is held, as the bucket has it.
// Times are the server's.
type Hold struct {
	// Destination is the fingerprint, for people who look into the bucket.
	Destination string `json:"destination"`
	// Reason is backpressure, misconfigured or failed, Status the answer's.
	Reason string `json:"reason"`
	Status int    `json:"status,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Since is when it began, Until when it may be probed.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Probes is how many probes have failed.
	Probes int `json:"probes,omitempty"`
	// Probe is the probe that is out, if one is; Last the event of the last.
	Probe *Probe `json:"probe,omitempty"`
	Last  string `json:"last,omitempty"`
}

// Probe is the one request that may be sent to a held destination.
type Probe struct {
	// Replica and Event say whose it is; after Until it is lost.
	Replica string    `json:"replica"`
	Event   string    `json:"event"`
	Until   time.Time `json:"until"`
}

// DecodeHold reads a hold from the bucket.
func DecodeHold(value []byte) (Hold, error) {
	var h Hold
	if err := json.Unmarshal(value, &h); err != nil {
		return Hold{}, fmt.Errorf("read hold: %w", err)
	}
	return h, nil
}

func (h Hold) encode() []byte {
	b, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings, numbers and times
	}
	return b
}

// eventKey tells events apart, also over a stream that was created again.
func eventKey(m bridge.Message) string {
	return fmt.Sprintf("%d-%x", m.Sequence, m.Published.UnixNano())
}

// begin is a new hold.
func (c Config) begin(d *bridge.Destination, a bridge.Answer, now time.Time) Hold {
	return Hold{
		Destination: d.URL.String(), Reason: a.Class.String(), Status: a.Status, Detail: a.Detail,
		Since: now, Until: now.Add(c.wait(a, 0)),
	}
}

// longer is a hold after its probe failed. It ends no earlier than it did: another
// answer may have asked for that.
func (c Config) longer(h Hold, m bridge.Message, a bridge.Answer, now time.Time) Hold {
	h.Reason, h.Status, h.Detail = a.Class.String(), a.Status, a.Detail
	h.Probe, h.Last = nil, eventKey(m)
	h.Probes++
	h.prolong(now.Add(c.wait(a, h.Probes)))
	return h
}

// prolong has a hold last until then at least, and reports whether that changes it.
func (h *Hold) prolong(until time.Time) bool {
	if !until.After(h.Until) {
		return false
	}
	h.Until = until
	return true
}

// isProbedBy reports whether an event of a replica is the probe that is out; no hold
// has one.
func (h *Hold) isProbedBy(replica string, m bridge.Message) bool {
	return h != nil && h.Probe != nil && h.Probe.Replica == replica && h.Probe.Event == eventKey(m)
}

// asked is until when an answer asks to be left alone, the zero time where it does not.
func asked(a bridge.Answer, now time.Time) time.Time {
	if a.RetryAfter <= 0 {
		return time.Time{}
	}
	return now.Add(a.RetryAfter)
}

// wait is how long to hold after an answer: what it asks for, or else HoldMin
// doubled with each probe up to HoldMax, ±20 %.
func (c Config) wait(a bridge.Answer, probes int) time.Duration {
	if a.RetryAfter > 0 {
		return a.RetryAfter
	}
	d := c.HoldMin
	for ; probes > 0 && d < c.HoldMax; probes-- {
		d *= 2
	}
	return time.Duration(float64(min(d, c.HoldMax)) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // spread, not secrecy
}
