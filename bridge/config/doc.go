// Package config turns the environment into valid values, once, at the edge.
//
//	.env ──Environ──▶ []string ──Load──▶ *Config    every value valid
//	                                └──▶ *Error     every problem, by variable
//
// Load is a function of its argument and of the files that variables name; it
// asks the process's own environment nothing. So a configuration can be loaded
// again when the file of a secret changes, which Config.Watch sees to: it hands
// over the whole configuration, and its caller takes what can be changed in a
// running bridge.
//
// A command that only looks at what bridges keep in NATS loads an Installation
// instead: it works on a machine where the webhooks' secrets are not, or where
// something else is wrong.
//
// Each setting is one line of a struct: its variable, its default, its bounds
// and its meaning are the field's tags, which the parser and Variables share.
//
// # Problems
//
// A problem names a variable and says what is wrong with it, never what it is
// set to: a value may be a secret that was pasted into the wrong place. The
// parsers of this package therefore replace those of the env library, whose
// errors quote the value; where a list is at fault, its position is named.
//
// A variable that is set but empty counts as unset, as compose files leave it,
// except BRIDGE_HTTP_ADDR, where empty means off.
//
// # NATS contexts
//
// The file of a context is read here, into the natscontext package's own
// Settings. That package's one entrance connects at once, takes the location
// of the files from the process's environment, and lets options add to the
// authentication of a context but not replace it, whereas here what is set
// explicitly wins. A context that asks for what the bridge cannot do (nsc, a
// Windows certificate store, an API prefix) is a problem, not ignored.
package config
