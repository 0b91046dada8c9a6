package standin

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Rate says which requests a Fault strikes. The zero Rate is every one.
type Rate struct {
	nth    int     // every n-th, if positive
	chance float64 // else with this probability, if random
	random bool
}

// Every strikes the n-th request that comes to the fault, the 2n-th, and so
// on. n below 2 is every request.
func Every(n int) Rate {
	if n < 2 {
		return Rate{}
	}
	return Rate{nth: n}
}

// Chance strikes each request with a probability, from 0: never, to 1: always.
func Chance(p float64) Rate {
	if p >= 1 {
		return Rate{}
	}
	return Rate{chance: p, random: true}
}

// String returns the rate as ParseFault reads it: "1/3", "0.25", or nothing
// for every request.
func (r Rate) String() string {
	switch {
	case r.nth > 0:
		return "1/" + strconv.Itoa(r.nth)
	case r.random:
		return strconv.FormatFloat(r.chance, 'f', -1, 64)
	default:
		return ""
	}
}

func (r Rate) strikes(seen int, chances *rand.Rand) bool {
	switch {
	case r.nth > 0:
		return seen%r.nth == 0
	case r.random:
		return chances.Float64() < r.chance
	default:
		return true
	}
}

var errRate = errors.New("the rate must be a probability from 0 to 1, or 1/n for every n-th request")

func parseRate(text string) (Rate, error) {
	if n, ok := strings.CutPrefix(text, "1/"); ok {
		nth, err := strconv.ParseUint(n, 10, 31)
		if err != nil || nth == 0 {
			return Rate{}, errRate
		}
		return Every(int(nth)), nil
	}
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || !(p >= 0 && p <= 1) { // not a number is neither
		return Rate{}, errRate
	}
	return Chance(p), nil
}
