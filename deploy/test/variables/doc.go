// Package variables tests that every environment variable which anything under
// deploy speaks of is one that the program, or the NATS server's configuration,
// reads.
package variables
