// Package webhook posts events to make.com and says what the answers mean.
//
//	Deliver ─→ header, sign ─→ POST ─→ classify ─→ bridge.Answer
//	   ↑                                   │ failed, requests left
//	   └── again (the gate) ←── backoff ←──┘
//
// A delivery is up to MaxAttempts requests of one event. go-retryablehttp runs
// the loop; what one request is, whether another follows, and after how long
// is decided here, in the type delivery, because the library's own answers are
// wrong for a webhook: it sleeps for as long as a Retry-After header says,
// follows redirects with a GET, takes a 404 for a success, closes every idle
// connection on giving up, and prints the URL.
//
// # Decisions
//
// A transport for each destination. On a shared one HTTP/2 would send all
// webhooks of one make.com zone over one connection, where a scenario that
// reads nothing uses up the flow control window and the streams of the others.
// It costs a connection for each webhook.
//
// One request is one request. net/http repeats a POST by itself on a reused
// connection that breaks if it carries an Idempotency-Key and can be rewound;
// so requests cannot be rewound, and connections are given up sooner than
// servers and load balancers commonly do (30 s), so that few break.
//
// Signatures are made here rather than by the Standard Webhooks library, which
// copies the body twice for each key. The library is the oracle of the tests.
//
// A status outside 200–599 is treated as a 5xx (RFC 9110 §15 asks for this of
// invalid ones). A 400 whose body breaks off is a failure and no rejection:
// the body might have said that the queue is full.
package webhook
