package bridge

import "time"

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
}
