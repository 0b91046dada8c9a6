// Package testbed is what the tests of several rooms stand on: a wait with a
// deadline, a log to look into, a NATS server with a client, ports for servers
// that come and go, a look for goroutines that were left, and the question
// whether a consumer has nothing left.
//
// What is here serves three packages or more and knows nothing of the bridge;
// what a bed needs of its own room stays in that room's tests. Only tests import
// this package.
package testbed
