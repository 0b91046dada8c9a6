package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is a command line that cannot be carried out.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// folded has the flags of a usage folded. It does without a template, for which the
// linker would keep every method of every type.
func folded(usage func(*cobra.Command) error) func(*cobra.Command) error {
	return func(cmd *cobra.Command) error {
		out := cmd.OutOrStderr()
		defer cmd.SetOut(out)
		var text strings.Builder
		cmd.SetOut(&text)
		if err := usage(cmd); err != nil {
			return err
		}
		flags := strings.TrimSpace(cmd.LocalFlags().FlagUsages())
		wrapped := strings.TrimSpace(cmd.LocalFlags().FlagUsagesWrapped(columns))
		_, err := io.WriteString(out, strings.Replace(text.String(), flags, wrapped, 1))
		return err
	}
}

func newRoot(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "makebridge",
		Short: "The bridge between NATS JetStream and make.com",
		Long: `makebridge consumes domain events from NATS JetStream and posts each one to the
make.com webhook of its route. An event is acknowledged only after make.com has
answered 2xx.`,
		Example: `  makebridge dev                  try all of it on this machine
  makebridge events               list the events that have a schema
  makebridge check                check the configuration, NATS and the streams
  makebridge run                  run the bridge, configured by the environment`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(knownCommand),

		PersistentPreRunE: noEmptyFlag, // of every command

		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetUsageFunc(folded(root.UsageFunc()))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(
		newRun(c), newDev(c), newCheck(c), newPing(c), newSetup(c),
		newEvents(c), newPublish(c), newStatus(c), newTrace(c), newDLQ(c), newReplay(c),
		newSink(c), newHealthy(c), newVersion(c),
	)
	tidyCompletion(root)
	tidyHelp(root)
	return root
}
