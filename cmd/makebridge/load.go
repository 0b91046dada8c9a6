package main

import "github.com/makebridge/makebridge/bridge/config"

// load reads the configuration from the environment and from the .env file of
// the working directory. The entries are those it was read from.
func (c *console) load() (cfg *config.Config, environ []string, err error) {
	environ, err = config.Environ(".", c.environ)
	if err != nil {
		return nil, nil, err
	}
	cfg, err = config.Load(environ)
	return cfg, environ, err
}

// loadInstallation reads from there what a command goes by that uses NATS_… and
// these variables only. What is wrong with others does not keep it from its
// work.
func (c *console) loadInstallation(uses ...string) (*config.Installation, error) {
	environ, err := config.Environ(".", c.environ)
	if err != nil {
		return nil, err
	}
	return config.LoadInstallation(environ, uses...)
}
