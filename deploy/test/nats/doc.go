// Package nats tests deploy/nats and deploy/nack: it starts nats-server from
// the very configuration files, creates what the manifests say, and has the real
// program and its users do their work there, and try what is not theirs.
package nats
