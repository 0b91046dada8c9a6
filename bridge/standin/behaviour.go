package standin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Behaviour is what the stand-in does with one request that it has read whole.
// A Behaviour has no state of its own and may be used for many requests. The
// zero Behaviour is Accept.
type Behaviour struct {
	name string
	play func(*exchange)
}

func (b Behaviour) do(x *exchange) {
	if b.play == nil {
		b = Accept()
	}
	b.play(x)
}

// String returns the name of the behaviour, as ParseFault reads it where it
// can.
func (b Behaviour) String() string {
	if b.play == nil {
		return Accept().name
	}
	return b.name
}

// Accept answers as make.com does: 200 Accepted.
func Accept() Behaviour { return Status(http.StatusOK) }

// Status answers with a final status, 200 to 599, and the body that make.com
// gives with it, or else the status in words.
func Status(code int) Behaviour { return StatusWith(code, nil, makeBody(code)) }

func makeBody(code int) string {
	switch code {
	case http.StatusOK:
		return "Accepted"
	case http.StatusGone:
		return "There is no scenario listening for this webhook."
	default:
		return http.StatusText(code)
	}
}

// StatusWith answers with a final status, 200 to 599, headers and a body. The
// headers must not change afterwards.
func StatusWith(code int, header http.Header, body string) Behaviour {
	return Behaviour{strconv.Itoa(code), func(x *exchange) { x.answer(code, header, body) }}
}

// TooManyRequests answers 429, with a Retry-After unless it is empty: seconds,
// an HTTP-date, or any nonsense.
func TooManyRequests(retryAfter string) Behaviour {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return StatusWith(http.StatusTooManyRequests, h, makeBody(http.StatusTooManyRequests))
}

// QueueFull answers as make.com does when the queue of the webhook is full:
// 400 with the body "Queue is full."
func QueueFull() Behaviour {
	b := StatusWith(http.StatusBadRequest, nil, "Queue is full.")
	b.name = nameQueueFull
	return b
}

// Redirect answers 302 to a location, as it is given. A path of the stand-in
// leads to a 200, so that a client which follows shows as a second arrival.
func Redirect(location string) Behaviour {
	return StatusWith(http.StatusFound, http.Header{"Location": {location}}, "")
}

// BrokenRedirect answers 302 with a Location that is no URL.
func BrokenRedirect() Behaviour { return Redirect("http://[broken") }

// Hang gives no answer until the client goes away or the stand-in closes.
func Hang() Behaviour { return Behaviour{nameHang, (*exchange).hang} }

// Reset takes nothing and resets the connection (TCP RST) instead of an
// answer.
func Reset() Behaviour {
	return Behaviour{nameReset, func(x *exchange) { x.reset(OutcomeReset) }}
}

// AcceptThenReset takes the event and resets the connection before the answer:
// the client cannot know that it was delivered.
func AcceptThenReset() Behaviour {
	return Behaviour{nameAcceptReset, func(x *exchange) { x.reset(OutcomeAcceptedReset) }}
}

// After waits before another behaviour. Where the client goes away or the
// stand-in closes meanwhile, the request is abandoned.
func After(d time.Duration, then Behaviour) Behaviour {
	if d <= 0 {
		return then
	}
	return Behaviour{fmt.Sprintf("%s after %s", then, d), func(x *exchange) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		wait(x, timer.C)
		then.do(x)
	}}
}
