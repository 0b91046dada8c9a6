// Package standin is a make.com to test against: an HTTP server that takes
// webhooks as make.com does, keeps what arrived, and fails in the ways make.com
// and the network fail, when it is told to.
//
// A request goes one way:
//
//	request ─→ read ─→ journal: arrived ─→ choose a Behaviour ─→ play it ─→ journal: outcome
//
// and the Behaviour is the first that there is of
//
//	the limits    Config.MaxBody 413, Config.APIKey 401, Config.Limit 429
//	Server.Script the next of the path's sequence
//	Server.Decide the path's function
//	Config.Faults in their order, each with its rate
//	Accept        200 Accepted
//
// The outcome of a request is in the journal before its answer is on the wire,
// so a test that has seen the answer sees the arrival settled.
//
// What is make.com's and what is not: the statuses and the bodies of 200, 400
// (queue full) and 410 are make.com's, and so are the limits. That every path
// is a webhook, of any method, is the stand-in's.
package standin
