// Package bridge decides what becomes of an event on its way from a JetStream
// stream to a make.com webhook.
//
//	service ─publish→ stream ─Message→ Pipeline.Handle ─Verdict→ stream ─→ ack │ nak with delay │ dead letter
//	                                   decode · filter · gate · deliver · judge
//
// An event goes through once, in one direction. The Pipeline is a function: a
// Message in, a Verdict out. It cannot acknowledge anything, because it never
// holds a NATS message; only package stream does, and it settles by the
// Verdict. So that an event is acknowledged only after make.com has answered
// 2xx can be checked by reading two short files: judge.go here and settle.go
// there.
//
// The package knows neither NATS nor HTTP. What it needs of them it names as
// interfaces: a Deliverer posts (package webhook), a Gate says when a
// destination may be posted to (package gate).
package bridge
