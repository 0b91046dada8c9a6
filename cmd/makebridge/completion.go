package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/subjects"
)

// tidyCompletion has the shell offer files only where a file is meant, and
// cobra's own commands for the shells refuse what they do not know.
func tidyCompletion(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Example = "  makebridge completion bash > /etc/bash_completion.d/makebridge"
			cmd.Args = usageArgs(knownCommand)
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = usageArgs(noArgs)
			}
		}
	}
}

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
	cfg, _, err := c.load()
	if err != nil {
		return builtInRouteNames()
	}
	var names []string
	for _, r := range cfg.Routes {
		names = append(names, r.Name)
	}
	return names
}

// allRouteNames are the routes that are on and those that are off, or the
// built-in ones as above.
func (c *console) allRouteNames() []string {
	cfg, err := c.loadInstallation()
	if err != nil {
		return builtInRouteNames()
	}
	return slices.Sorted(maps.Keys(cfg.Ordering))
}

func builtInRouteNames() []string {
	var names []string
	for _, r := range subjects.Routes() {
		names = append(names, r.Name)
	}
	return names
}

// eventTypes are the catalogue's types.
func eventTypes() []string {
	var types []string
	for _, e := range subjects.Catalogue() {
		types = append(types, e.Type)
	}
	return types
}

// completeFlag completes the value of a flag that the command has.
func completeFlag(cmd *cobra.Command, flag string, names func() []string) {
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(), cobra.ShellCompDirectiveNoFileComp
	}
	completes(cmd.RegisterFlagCompletionFunc(flag, complete))
}

// completeFile completes the value of a flag with the names of files.
func completeFile(cmd *cobra.Command, flag string) {
	completes(cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}))
}

// completes takes what cobra says of a flag that was registered just before:
// that there is none is a mistake here.
func completes(err error) {
	if err != nil {
		panic("makebridge: " + err.Error())
	}
}
