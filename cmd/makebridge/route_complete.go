package main

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// completeRoute completes the value of --route: with the routes of the
// configuration, and with those that have a consumer where NATS can be asked. Whoever
// looks after letters need not have the variables of every route.
func (c *console) completeRoute(cmd *cobra.Command) {
	completes(cmd.RegisterFlagCompletionFunc("route", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		consumed, err := c.consumedRoutes(cmd.Context())
		if err != nil {
			cobra.CompDebugln(err.Error(), false)
		}
		names := append(c.allRouteNames(), consumed...)
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}))
}

// completionTime is how long a shell waits for each of NATS's answers.
const completionTime = 2 * time.Second

// consumedRoutes are the routes that have a consumer.
func (c *console) consumedRoutes(ctx context.Context) (names []string, err error) {
	cfg, err := c.loadInstallation("BRIDGE_STREAM")
	if err != nil {
		return nil, err
	}
	link, err := dial(cfg.NATS, nats.Timeout(completionTime))
	if err != nil {
		return nil, err
	}
	defer link.close()
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	s, err := link.js.Stream(ctx, cfg.Stream.Name)
	if err != nil {
		return nil, err
	}
	consumers := s.ListConsumers(ctx)
	for info := range consumers.Info() {
		if info.Config.Metadata["app"] == "makebridge" {
			names = append(names, info.Name)
		}
	}
	return names, consumers.Err()
}
