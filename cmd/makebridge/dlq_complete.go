package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/replay"
)

// completedLetters is how many letters a shell offers.
const completedLetters = 30

// completeLetters completes the IDs of the latest letters, at most so many
// arguments. Where NATS cannot be asked there are none.
func (c *console) completeLetters(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) (ids []string, _ cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		err := openLetters(cmd.Context(), c, "complete", func(ctx context.Context, _ *config.Installation, _ *link, letters *replay.Letters) error {
			latest, err := letters.Page(ctx, replay.Filter{}, completedLetters)
			for _, l := range latest {
				id := fmt.Sprint(l.ID)
				if strings.HasPrefix(id, begun) {
					about := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", l.Route, cmp.Or(l.Type, l.Subject), l.Reason, l.Error))
					ids = append(ids, cobra.CompletionWithDesc(id, cut(printable(about), columns)))
				}
			}
			return err
		})
		if err != nil {
			cobra.CompDebugln(err.Error(), false)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
