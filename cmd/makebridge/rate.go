package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/makebridge/makebridge/bridge"
)

// rateFlag is the value of a flag that bounds a pace: 5/s, 100/1m.
type rateFlag struct {
	bridge.Limit
	text string
}

// Set reads the flag.
func (r *rateFlag) Set(s string) error {
	count, window, _ := strings.Cut(s, "/")
	if window != "" && (window[0] < '0' || window[0] > '9') {
		window = "1" + window
	}
	n, err := strconv.ParseUint(count, 10, 31)
	d, err2 := time.ParseDuration(window)
	if err != nil || err2 != nil || n == 0 || d <= 0 {
		return errors.New("must be a number in a time, such as 5/s or 100/1m")
	}
	r.Limit, r.text = bridge.Limit{Requests: int(n), Window: d}, s
	return nil
}

// String returns the flag as it was given.
func (r *rateFlag) String() string { return r.text }

// Type names the flag's value in the help.
func (r *rateFlag) Type() string { return "rate" }
