package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/makebridge/makebridge/bridge"
)

// delivery carries calls of Deliver out, one after another: it is the hooks of a
// retryablehttp.Client. It is used by one goroutine at a time.
type delivery struct {
	client *Client
	retry  retryablehttp.Client
	buffer [512]byte // answers are read into it
	// plain is what every attempt is made from, outer what retryablehttp has of it
	// and changes. No transport sees either.
	plain *http.Request
	outer retryablehttp.Request
	call
}

// call is one call of Deliver.
type call struct {
	ctx      present
	endpoint *endpoint
	request  bridge.Request
	again    func(context.Context) error // for another request

	answer bridge.Answer // of the last request
}

// present is the context that Deliver was given for the present call: the request
// that every call shares has it by address.
type present struct {
	context.Context //nolint:containedctx // that is what it is for
}

func newDelivery(c *Client) *delivery {
	d := &delivery{client: c}
	d.retry = retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: d, CheckRedirect: neverFollow},
		Logger:       nil, // it would print the URL
		RetryWaitMin: c.config.BackoffMin,
		RetryWaitMax: c.config.BackoffMax,
		CheckRetry:   d.checkRetry,
		Backoff:      d.backoff,
		PrepareRetry: d.prepareRetry,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	// It has no body: RoundTrip gives each attempt one of its own.
	d.plain = (&http.Request{Method: http.MethodPost, Header: http.Header{}}).WithContext(&d.ctx)
	return d
}

func (d *delivery) run() bridge.Answer {
	// Put together without url.Parse, whose errors would quote the address.
	d.plain.URL, d.plain.Host = d.endpoint.address, d.endpoint.address.Host
	d.outer.Request = d.plain
	d.retry.RetryMax = max(d.request.MaxAttempts, 1) - 1
	// What came back is in d.answer already; err has the URL in it, and may be
	// about a Location that http.Client cannot parse, though it follows none.
	resp, err := d.retry.Do(&d.outer)
	if err == nil && resp != nil {
		_ = resp.Body.Close() // RoundTrip has left nothing in it
	}
	// A failure ends a delivery of itself only when the requests are used up.
	if d.answer.Class == bridge.ClassFailed && d.answer.Attempts < d.request.MaxAttempts {
		d.answer.Class = bridge.ClassInterrupted
	}
	return d.answer
}

// RoundTrip makes one attempt and judges it. The request's context ends when
// the bridge stops; the attempt does not: it has its own timeout, and nothing
// else in its context, where net/http looks for hooks again and again.
//
// What it returns is for http.Client and retryablehttp to go by; the answer is
// d.answer. As a delivery has no CloseIdleConnections, giving up closes none.
func (d *delivery) RoundTrip(req *http.Request) (*http.Response, error) {
	if d.request.Mark != nil {
		defer d.request.Mark(d.ctx.Context)()
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.request.Timeout)
	defer cancel()
	start := time.Now()
	number := d.request.Attempt + d.answer.Attempts
	// Header and body are its own: the last attempt's may still be being written.
	attempt := req.WithContext(ctx)
	parent, state, end := d.trace(number)
	attempt.Header = newHeader(d.client.userAgent, &d.request, parent, state, number, start)
	attempt.ContentLength = int64(len(d.request.Body))
	// Of types that net/http knows to be in memory, so that header and body are
	// written at once; and without GetBody, with which it would repeat the
	// request by itself.
	attempt.Body = io.NopCloser(bytes.NewReader(d.request.Body))

	d.client.config.Sending(d.request)
	resp, err := d.endpoint.transport.RoundTrip(attempt)
	r := readReply(resp, err, d.buffer[:])
	code := code(r)
	d.judge(r, code, number, time.Since(start), ctx.Err() != nil)
	end(code, d.answer)
	if err != nil {
		return nil, err
	}
	resp.Body = http.NoBody // read already
	return resp, nil
}

// trace returns the trace headers of the next request, and what ends its part of
// the trace.
func (d *delivery) trace(number int) (parent, state string, end func(code string, a bridge.Answer)) {
	if d.client.config.Trace == nil {
		return d.request.TraceParent, d.request.TraceState, func(string, bridge.Answer) {}
	}
	return d.client.config.Trace(d.ctx.Context, d.request, number)
}

// judge sets the answer and reports the attempt.
func (d *delivery) judge(r reply, code string, number int, took time.Duration, timedOut bool) {
	class, retryAfter := classify(r, time.Now())
	d.answer = bridge.Answer{
		Class:      class,
		Status:     r.status,
		RetryAfter: retryAfter,
		Detail:     d.detail(class, r, timedOut),
		Attempts:   d.answer.Attempts + 1,
	}
	d.client.config.Observe(Attempt{
		Request: d.request, Number: number, Code: code, Answer: d.answer, Duration: took,
	})
}

// checkRetry decides whether there is to be another request. RetryMax sees to
// it that requests are left.
func (d *delivery) checkRetry(ctx context.Context, _ *http.Response, _ error) (bool, error) {
	return d.answer.Class == bridge.ClassFailed && ctx.Err() == nil, nil
}

// backoff is the wait before the next request, whatever a Retry-After says: an
// answer in which that counts is backpressure, and not repeated here.
func (d *delivery) backoff(shortest, longest time.Duration, n int, _ *http.Response) time.Duration {
	wait := backoff(shortest, longest, n)
	d.client.config.Logger.Debug("request is repeated",
		"destination", d.request.Destination.URL,
		"subject", d.request.Subject,
		"event_id", d.request.EventID,
		"type", d.request.Type,
		"delivery", d.request.Delivery,
		"attempt", d.request.Attempt+n,
		"status", d.answer.Status,
		"error", d.answer.Detail,
		"wait_ms", wait.Milliseconds(),
	)
	return wait
}

// prepareRetry asks the gate, which may take its time, for another request.
func (d *delivery) prepareRetry(*http.Request) error {
	return errors.Join(d.again(d.ctx.Context), d.ctx.Err())
}

func neverFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
