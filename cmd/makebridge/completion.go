package main

import (
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/subjects"
)

// completeFirst completes the first argument of a command, and nothing after.
func completeFirst(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault // a file, perhaps
		}
		return names(), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeAll completes every argument of a command.
func completeAll(names func() []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(), cobra.ShellCompDirectiveNoFileComp
	}
}

// eventNames are the catalogue's types and subjects.
func eventNames() []string {
	var types, places []string
	for _, e := range subjects.Catalogue() {
		types, places = append(types, e.Type), append(places, e.Subject)
	}
	return append(types, places...)
}

// routeNames are the routes that are on, or all built-in ones where the
// configuration cannot be read.
func (c *console) routeNames() []string {
	var names []string
	if cfg, _, err := c.load(); err == nil {
		for _, r := range cfg.Routes {
			names = append(names, r.Name)
		}
		return names
	}
	for _, r := range subjects.Routes() {
		names = append(names, r.Name)
	}
	return names
}
