package bridge

import (
	"errors"
	"time"
)

// ErrExpiring is the cause that ends the context of a Handle whose message the
// stream will soon take: it becomes a dead letter instead.
var ErrExpiring = errors.New("the stream will soon take the event")

// Message is one event as the stream hands it over: plain values, nothing to
// acknowledge with.
type Message struct {
	// Subject is where the event was published, also when it came back over
	// redeliver.<route>.<subject>.
	Subject string
	// Body is the event, byte for byte; nobody may change it.
	Body []byte
	// TraceParent and TraceState are the W3C Trace Context headers, if any.
	TraceParent, TraceState string
	// Sequence is the event's place in the stream, Published the time the
	// server stored it. Together they identify it, since a stream that was
	// deleted and created again counts from 1.
	Sequence  uint64
	Published time.Time
	// Delivery counts how often the server handed the event out, from 1.
	Delivery int
	// Since, where set, is when this process came to serve the route, at which
	// every event that waited for a redelivery was brought back: its previous
	// delivery may have failed as late as that.
	Since time.Time
	// Lost, where set, reports whether the event may be in somebody else's
	// hands by now, because this process was away for too long: nothing more
	// may be posted of it.
	Lost func() bool
	// Caution, where set, surrounds what may end the process.
	Caution Caution
}

func (m *Message) lost() bool { return m.Lost != nil && m.Lost() }

// errLost ends the handling of a message that may be in somebody else's hands.
var errLost = errors.New("the event may be in somebody else's hands")
