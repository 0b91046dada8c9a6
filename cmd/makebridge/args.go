package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageArgs makes a usage error of what args says, with the way to help.
func usageArgs(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}

// noArgs is for a command that takes none.
func noArgs(cmd *cobra.Command, given []string) error {
	if len(given) > 0 {
		return fmt.Errorf("%s takes no arguments, and %q is one", cmd.Name(), given[0])
	}
	return nil
}

// oneArg is for a command that takes one, which its help calls so.
func oneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		switch {
		case len(given) == 0:
			return errors.New(name + " is missing")
		case len(given) == 1 && given[0] == "":
			return errors.New(name + " is empty")
		case len(given) == 1:
			return nil
		}
		return fmt.Errorf("%s takes one %s, not %d", cmd.Name(), name, len(given))
	}
}

// noEmptyFlag refuses a flag that was given and is empty, as it is where the
// variable of a script is not set: a filter would be none, and mean everything.
func noEmptyFlag(cmd *cobra.Command, _ []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" {
			err = &usageError{fmt.Errorf("--%s is empty: give a value, or leave it out", f.Name)}
		}
	})
	return err
}

// tidyHelp has help take the commands that there are and no others.
func tidyHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Example = "  makebridge help dlq replay"
			cmd.Args = func(_ *cobra.Command, given []string) error {
				found, rest, err := root.Find(given)
				if err != nil {
					return &usageError{err}
				}
				return usageArgs(knownCommand)(found, rest)
			}
		}
	}
}

// knownCommand is for a command that only has others below it.
func knownCommand(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2 // as cobra has it for its own suggestions
	text := fmt.Sprintf("there is no command %s %s", cmd.CommandPath(), given[0])
	if alike := cmd.SuggestionsFor(given[0]); len(alike) > 0 {
		text += " (did you mean " + strings.Join(alike, " or ") + "?)"
	}
	return errors.New(text)
}
