package main

import (
	"net/http"

	"github.com/makebridge/makebridge/bridge"
)

// meaning says what an answer means to whoever owns the scenario, and what
// there is to do.
func meaning(a bridge.Answer) string {
	switch a.Class {
	case bridge.ClassDelivered:
		return "accepted"
	case bridge.ClassMisconfigured:
		return a.Detail + ": " + mend(a.Status)
	case bridge.ClassBackpressure:
		return a.Detail + ": make.com asks to wait; the bridge would hold the destination and go on later"
	case bridge.ClassRejected:
		return a.Detail + ": refused for good; the bridge would dead-letter the event"
	case bridge.ClassFailed:
		return a.Detail + ": the bridge would try again"
	case bridge.ClassInterrupted:
	}
	return a.Detail
}

// mend says what is to be changed before a webhook works.
func mend(status int) string {
	switch status {
	case http.StatusGone:
		return "no scenario is listening; turn it on in make.com"
	case http.StatusNotFound:
		return "there is no such webhook; compare its URL with make.com's"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "the webhook wants another API key; compare MAKE_WEBHOOK_<NAME>_API_KEY with make.com's"
	case 0:
		return "the certificate is not to be trusted; is the host right?"
	}
	return "the URL is not a webhook's own; compare it with make.com's"
}
