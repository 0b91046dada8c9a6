package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/backlog"
	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/fleet"
	"github.com/makebridge/makebridge/bridge/gate"
)

const (
	// statusInterval is how often --watch reads unless told otherwise, and
	// leastInterval as often as it may.
	statusInterval = 2 * time.Second
	leastInterval  = 100 * time.Millisecond
)

type statusFlags struct {
	watch    bool
	interval time.Duration
}

func newStatus(c *console) *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how every route stands, and which replicas are alive",
		Long: `Show how every route stands, and which replicas are alive. It works on any
machine that reaches NATS: of the configuration only NATS_…, BRIDGE_STREAM and
BRIDGE_BUCKET are used.

  PENDING   events that can be delivered now, those in hand included
  HAND      of all, those that replicas have taken and not settled
  PARKED    events behind a hold, or waiting for their redelivery
  OLDEST    the age of the oldest event that is not settled
  OK/MIN    events delivered in the last minute
  FAIL/MIN  events put off or dead-lettered in the last minute

A dash is what is not known: no replica answers, or there is no event. Below a
route is what is wrong with it, and what to do; what could not be found out, for
want of a permission say, is named, and the exit status is 0 all the same if the
routes are known. At a terminal, long names are
shortened, large numbers rounded, and a narrow one has no DESTINATION; elsewhere
all is there in full.

With --watch the table is kept up to date until Ctrl-C. Elsewhere than at a
terminal a route gets a line at first and whenever it has changed.

` + statusJSONText,
		Example: `  makebridge status
  makebridge status --watch
  makebridge status -o json | jq '.routes[] | select(.hold)'`,
		Args: usageArgs(noArgs),
	}
	out := newOutput(cmd, c)
	cmd.Flags().BoolVarP(&flags.watch, "watch", "w", false, "keep it up to date until Ctrl-C")
	cmd.Flags().DurationVar(&flags.interval, "interval", statusInterval, "read every `TIME` with --watch")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if flags.interval < leastInterval {
			return &usageError{errors.New("--interval must be at least " + short(leastInterval))}
		}
		cfg, err := c.loadInstallation("BRIDGE_STREAM", "BRIDGE_BUCKET")
		if err != nil {
			return err
		}
		return status(cmd.Context(), cfg, out, flags)
	}
	return cmd
}

// status prints how the routes stand, once or until ctx is done.
func status(ctx context.Context, cfg *config.Installation, out *output, flags statusFlags) error {
	link, err := dial(cfg.NATS, nats.MaxReconnects(-1)) // or a watch would end with an outage
	if err != nil {
		return err
	}
	defer link.close()
	source := newStatusSource(cfg, link)
	if flags.watch {
		return watchStatus(ctx, source, newStatusView(out, flags.interval), flags.interval)
	}
	r, err := source.read(ctx)
	switch {
	case err != nil:
		return err
	case out.isJSON():
		return out.writeJSON(r)
	}
	width, _ := out.size()
	return out.writeLines(r.lines(out, width))
}

// statusSource reads one status after another.
type statusSource struct {
	link *link
	what backlog.Config
}

func newStatusSource(cfg *config.Installation, l *link) *statusSource {
	return &statusSource{l, backlog.Config{
		Stream: cfg.Stream.Name, Bucket: cfg.Stream.Bucket, ReplicaLife: gate.ReplicaLife,
	}}
}

// read asks the server and the replicas at the same time.
func (s *statusSource) read(ctx context.Context) (*statusReport, error) {
	if !s.link.nc.IsConnected() {
		return nil, errors.New("the connection to NATS is lost, waiting for the server")
	}
	type answer struct {
		replicas []fleet.Replica
		err      error
	}
	asked := make(chan answer, 1)
	limited, cancel := s.link.while(ctx, "$SRV.STATS")
	defer cancel()
	go func() {
		replicas, err := fleet.Ask(limited, s.link.nc)
		asked <- answer{replicas, refusalOf(limited, err)}
	}()
	state, err := backlog.Read(ctx, s.link.js, s.what)
	if err != nil {
		cancel()
		<-asked
		return nil, err
	}
	a := <-asked
	return newStatusReport(state, a.replicas, a.err), nil
}
