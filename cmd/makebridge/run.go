package main

import (
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/telemetry"
)

func newRun(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the bridge",
		Long: `Run the bridge until SIGTERM or SIGINT. It is configured by the environment,
and by a .env file in the working directory, which never overrides the
environment. Files that hold the URL, key or signing secret of a route (…_FILE)
are read again when they change; nothing restarts.

On the signal it finishes what is in flight, for at most
BRIDGE_SHUTDOWN_TIMEOUT, and hands the rest back to other replicas at once.`,
		Example: `  makebridge run

  NATS_URL=nats://nats.internal:4222 \
  MAKE_WEBHOOK_PAYMENTS_URL=https://hook.eu2.make.com/… \
  makebridge run`,
		Args: usageArgs(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, environ, err := c.load()
			if err != nil {
				return err
			}
			if err := cfg.RequireRoutes(); err != nil {
				return err
			}
			log := newLogger(c, cfg.Log)
			warn(log, cfg, environ)
			limitMemory(c.environ, log)
			defer returnStartUp()()
			return runBridge(cmd.Context(), cfg, log, telemetry.NewDeliveries(log))
		},
	}
}
