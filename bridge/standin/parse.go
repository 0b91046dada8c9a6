package standin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The names of the faults that are not a status.
const (
	nameQueueFull   = "queue-full"
	nameHang        = "hang"
	nameReset       = "reset"
	nameAcceptReset = "accept-reset"
)

// FaultUsage is the grammar of ParseFault in one line, for a command's help.
const FaultUsage = "[PATH=]FAULT[:RATE], FAULT one of a status from 200 to 599, queue-full, hang, reset, accept-reset; " +
	"RATE a probability from 0 to 1, or 1/n for every n-th request"

// ParseFault reads a fault as a command line gives it:
//
//	[PATH=]FAULT[:RATE]
//
//	payments=429:0.1    one in ten requests to /payments, by chance, gets 429
//	queue-full:1/50     every 50th request to any path finds the queue full
//	/errors=hang        no request to /errors gets an answer
//
// PATH is a path of the stand-in, its leading slash optional; without one the
// fault is for every path. FAULT is a status from 200 to 599 (Status),
// queue-full (QueueFull), hang (Hang), reset (Reset) or accept-reset
// (AcceptThenReset). RATE is a probability from 0 to 1 (Chance), or 1/n
// (Every); without one the fault strikes every request.
//
// Its errors say what is wrong and what is allowed.
func ParseFault(text string) (Fault, error) {
	f, err := parseFault(text)
	if err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w; a fault is %s", text, err, FaultUsage)
	}
	return f, nil
}

func parseFault(text string) (Fault, error) {
	var f Fault
	// From the right, since a path may hold either separator.
	if at := strings.LastIndexByte(text, '='); at >= 0 {
		f.Path, text = cleanPath(text[:at]), text[at+1:]
		if f.Path == "" {
			return Fault{}, errors.New("no path before =")
		}
	}
	name, rate, rated := strings.Cut(text, ":")
	var err error
	if f.Do, err = parseBehaviour(name); err != nil {
		return Fault{}, err
	}
	if !rated {
		return f, nil
	}
	if f.Rate, err = parseRate(rate); err != nil {
		return Fault{}, err
	}
	return f, nil
}

func parseBehaviour(name string) (Behaviour, error) {
	switch name {
	case nameQueueFull:
		return QueueFull(), nil
	case nameHang:
		return Hang(), nil
	case nameReset:
		return Reset(), nil
	case nameAcceptReset:
		return AcceptThenReset(), nil
	}
	code, err := strconv.ParseUint(name, 10, 16)
	if err != nil || len(name) != 3 || code < 200 || code > 599 {
		return Behaviour{}, fmt.Errorf("%q is no fault", name)
	}
	return Status(int(code)), nil
}
