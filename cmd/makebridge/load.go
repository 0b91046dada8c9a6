package main

import "github.com/makebridge/makebridge/bridge/config"

// load reads the configuration from the environment and from the .env file of
// the working directory. The entries are those it was read from.
func (c *console) load() (cfg *config.Config, environ []string, err error) {
	environ, unread := config.Environ(".", c.environ)
	cfg, err = config.Load(environ)
	return cfg, environ, config.Join(unread, err)
}

// loadInstallation reads from there what a command goes by that uses NATS_… and
// these variables only. What is wrong with others does not keep it from its
// work.
func (c *console) loadInstallation(uses ...string) (*config.Installation, error) {
	environ, unread := config.Environ(".", c.environ)
	in, err := config.LoadInstallation(environ, uses...)
	return in, config.Join(unread, err)
}
