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
//
// # Rooms
//
// Each folder below is one room. All of them may import this package and what is
// below it, schemas and subjects; none imports another, but for pull, and
// cmd/makebridge puts them together. What one has to know of another comes as a
// value or a function.
//
//	on an event's way     stream    JetStream: provision, pull, keep alive, settle
//	                      gate      holds, probes and pace, shared by replicas
//	                      lease     one replica at a time for an ordered route
//	                      webhook   the request, and what its answer means
//	told by the way       receipt   what became of each event, in a stream
//	                      report    what the admin route is to know
//	                      telemetry logs, metrics, traces
//	                      fleet     replicas as a NATS micro service
//	                      admin     the health and metrics endpoint
//	asked by people       backlog   how every route stands
//	                      trace     what became of one event
//	                      replay    dead letters and past events once more
//	shared by several     pull      the messages of a consumer, batch by batch
//	at the edge           config    the environment, parsed once
//	for trials and tests  embedded  a NATS server in the process
//	                      standin   a make.com with faults
//	for tests alone       testbed   what the tests of several rooms stand on
package bridge
