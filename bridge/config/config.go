package config

import (
	"slices"
	"strings"

	"github.com/makebridge/makebridge/bridge"
	"github.com/makebridge/makebridge/subjects"
)

// Config is a configuration without a problem. It holds no secret that printing
// it would show, in whatever format.
type Config struct {
	NATS     NATS
	Stream   Stream
	Delivery Delivery
	Retry    Retry
	Hold     Hold
	General
	Log Log

	// Routes are those that are on: the built-in ones in the order of
	// subjects.Routes, then the custom ones by name.
	Routes []bridge.Route
	// Off are the built-in routes that are off, in the same order. Nothing
	// consumes their events, but the stream has to keep them.
	Off []OffRoute

	files  []string                // the secrets of routes
	reload func() (*Config, error) // keeps the environment out of sight of fmt
}

// OffRoute is a built-in route that has nowhere to post to.
type OffRoute struct {
	Name     string
	Subjects []string
	// Variable is the one that would turn the route on.
	Variable string
	// Reason says in one line why the route is off, naming every variable that
	// was looked at.
	Reason string
}

// Idle returns the variables of the route that are set and do nothing while it is
// off. Its subjects are none of them: the stream keeps them all the same.
func (r OffRoute) Idle(environ []string) []string {
	e := newEnvironment(environ)
	stem, _ := routeOf(r.Variable)
	var idle []string
	for _, key := range routeKeys(stem) {
		if name := routePrefix + stem + "_" + key; key != "SUBJECTS" && e.isSet(name) {
			idle = append(idle, name)
		}
	}
	return idle
}

// Load reads a configuration from entries of the form NAME=value, of which the
// last of a name counts, and from the files that they name. Its error is an
// *Error with every problem that was found.
//
// That no route is on is no problem to Load: see RequireRoutes.
func Load(environ []string) (*Config, error) {
	environ = slices.Clone(environ)
	env := newEnvironment(environ)
	var (
		c        Config
		defaults routeDefaults
		found    problems
	)
	for _, g := range groups(&c, &defaults) {
		fill(g, "", env, &found)
	}
	c.Stream.check(&found)
	c.Delivery.check(&found)
	c.Hold.check(&found)
	c.General.check(&found) //nolint:staticcheck // one group among others
	c.NATS.resolve(env, &found)
	c.Routes, c.Off = loadRoutes(env, defaults, c.AllowHTTP, &found)
	if err := found.err(); err != nil {
		return nil, err
	}
	c.files = secretFiles(env)
	c.reload = func() (*Config, error) { return Load(environ) }
	return &c, nil
}

// groups are the structs that variables of fixed names are read into, in the
// order in which they are documented.
func groups(c *Config, d *routeDefaults) []any {
	return []any{&c.NATS, &c.Stream, d, &c.Delivery, &c.Retry, &c.Hold, &c.General, &c.Log}
}

// Subjects returns what the stream has to hold for all routes, on and off:
// their subjects, without those that another one covers.
func (c *Config) Subjects() []string {
	var all []string
	for _, r := range c.Routes {
		all = append(all, r.Subjects...)
	}
	for _, r := range c.Off {
		all = append(all, r.Subjects...)
	}
	return subjects.Minimal(all)
}

// RequireRoutes returns an *Error that names the variables which turn a route
// on, if no route is: a bridge would have nothing to do. Commands that deliver
// nothing need not call it.
func (c *Config) RequireRoutes() error {
	if len(c.Routes) > 0 {
		return nil
	}
	var names []string
	for _, r := range c.Off {
		names = append(names, r.Variable)
	}
	return &Error{[]Problem{{
		Variable: routePrefix + "<NAME>_URL",
		Message: "no route is on; set at least one of " + strings.Join(names, ", ") +
			", or define a route of your own with " + routePrefix + "<NAME>_URL and " + routePrefix + "<NAME>_SUBJECTS",
	}}}
}
