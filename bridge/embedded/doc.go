// Package embedded runs a NATS server with JetStream inside the process, for
// `makebridge dev` and for tests that want the real thing.
//
// The server is a whole one: it listens on TCP, keeps its streams in a
// directory, and may be started again on the same port and directory after
// Shutdown, as a restarted nats-server would be. It leaves the process's
// signals alone and never ends the process: what nats-server calls fatal is
// returned by Start.
//
// Killing a server hard, so that it forgets what it had not synced, cannot be
// done within one process; that takes a nats-server of its own.
package embedded
