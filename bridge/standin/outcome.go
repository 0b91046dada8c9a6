package standin

// Outcome is what became of a request.
type Outcome uint8

// The outcomes. The zero Outcome is invalid.
const (
	// OutcomePending: it waits for its answer, behind a delay or a gate.
	OutcomePending Outcome = iota + 1
	// OutcomeAnswered: it was answered with Arrival.Status.
	OutcomeAnswered
	// OutcomeHung: it gets no answer until the client goes away or the
	// stand-in closes.
	OutcomeHung
	// OutcomeReset: its connection was reset, and the event not taken.
	OutcomeReset
	// OutcomeAcceptedReset: the event was taken, and its connection reset.
	OutcomeAcceptedReset
	// OutcomeAbandoned: the client went away, or the stand-in closed, before
	// its answer was due or its body complete.
	OutcomeAbandoned
)

// String returns the outcome's name as in the JSON lines.
func (o Outcome) String() string {
	names := [...]string{"", "pending", "answered", "hung", "reset", "accepted_reset", "abandoned"}
	return names[o]
}
