package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// KeptError is an error that ended a replay of letters and left some in both
// places: their copies are stored for redelivery, and they could not be deleted.
// To replay them again within the duplicate window of the stream of events
// stores no second copy; later their events are delivered twice.
type KeptError struct {
	// Letters are their IDs, in order.
	Letters []uint64
	// Window is the duplicate window.
	Window time.Duration
	// Err is what ended the run.
	Err error
}

const mostKept = 5 // are named

// Error says which they are, and what to do with them.
func (e *KeptError) Error() string {
	named := make([]string, min(mostKept, len(e.Letters)))
	for i := range named {
		named[i] = strconv.FormatUint(e.Letters[i], 10)
	}
	all := strings.Join(named, ", ")
	if more := len(e.Letters) - mostKept; more > 0 {
		all += fmt.Sprintf(" and %d more", more)
	}
	which, them := "the event of letter "+all+" is", "it"
	if len(e.Letters) > 1 {
		which, them = "the events of letters "+all+" are", "them"
	}
	return fmt.Sprintf("%v; %s stored for redelivery all the same: discard %s, or replay %s again within %s, after which that delivers twice",
		e.Err, which, them, them, strings.Replace(e.Window.String(), "m0s", "m", 1))
}

func (e *KeptError) Unwrap() error { return e.Err }
