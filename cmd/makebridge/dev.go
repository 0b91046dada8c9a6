package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/stream"
	"github.com/makebridge/makebridge/schemas"
	"github.com/makebridge/makebridge/subjects"
)

// defaultNATSPort is that of NATS_URL's default.
const defaultNATSPort = 4222

// onceTimeout is how long `dev --once` waits for its events.
const onceTimeout = time.Minute

type devFlags struct {
	natsPort int
	store    string
	once     bool
}

func newDev(c *console) *cobra.Command {
	var flags devFlags
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Try all of it on this machine, with nothing else installed",
		Long: `Run an embedded NATS server, a make.com stand-in and the bridge between them,
publish one example of every event type, and show each delivery as it happens.
Settings of the bridge (BRIDGE_…) apply, also those of a .env file, except
BRIDGE_STREAM_REPLICAS and BRIDGE_PROVISION, since the server is one node and
at first empty; NATS_… and MAKE_WEBHOOK_… do not, so nothing leaves this
machine. Unless they say otherwise, health is not served (BRIDGE_HTTP_ADDR=off)
and the log tells only what is wrong (BRIDGE_LOG_LEVEL=warn).`,
		Example: `  makebridge dev
  makebridge dev --once            one of every type, then a summary;
                                   exit status 0 if all arrived
  makebridge dev --nats-port 4333 --store ./events`,
		Args: usageArgs(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.natsPort < 0 || flags.natsPort > math.MaxUint16 {
				return &usageError{fmt.Errorf("--nats-port %d is not between 0 and %d", flags.natsPort, math.MaxUint16)}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), endsOfTerminal()...)
			defer stop()
			return dev(ctx, c, flags)
		},
	}
	cmd.Flags().IntVar(&flags.natsPort, "nats-port", defaultNATSPort, "port of the embedded NATS server, 0 for any free one")
	cmd.Flags().StringVar(&flags.store, "store", "", "directory that keeps the streams (default: a temporary one, removed at the end)")
	cmd.Flags().BoolVar(&flags.once, "once", false, "publish one example of every type, wait for all of them, print a summary")
	completes(cmd.MarkFlagDirname("store"))
	return cmd
}

// endsOfTerminal are the signals that come when the terminal is closed, or what reads
// the output is gone. By themselves they would end dev at once, and leave its temporary
// directory behind. nohup has the first ignored.
func endsOfTerminal() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{syscall.SIGPIPE}
	}
	return []os.Signal{syscall.SIGHUP, syscall.SIGPIPE}
}

// dev runs server, stand-in and bridge until ctx is done, or once is.
func dev(ctx context.Context, c *console, flags devFlags) error {
	environ, err := config.Environ(".", c.environ)
	if err != nil {
		return err
	}
	server, err := embedded.Start(embedded.Config{Port: flags.natsPort, StoreDir: flags.store})
	if err != nil {
		return err
	}
	defer server.Shutdown()
	makecom := standin.New(standin.Config{Limit: standin.MakeLimit(), Keep: 1000})
	if err := makecom.Listen("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the make.com stand-in: %w", err)
	}
	defer makecom.Close()
	cfg, err := config.Load(devEnviron(environ, server.URL(), makecom.URL("")))
	if err != nil {
		return err
	}
	screen := newScreen(c.out, c.colours(c.out))
	screen.welcome(server, makecom, flags, c.command())

	running, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() {
		defer stop() // without a bridge there is nothing to wait for
		stopped <- runBridge(running, cfg, newLogger(c, cfg.Log), screen)
	}()
	err = devEvents(running, server.URL(), cfg, screen)
	switch {
	case ctx.Err() != nil:
		err = nil // whoever ends it knows what is missing
	case err != nil:
	case flags.once:
		screen.await(running)
	default:
		<-running.Done()
	}
	stop()
	if failed := <-stopped; failed != nil && !errors.Is(failed, context.Canceled) {
		return failed // what became of the events follows from it
	}
	if err == nil && flags.once {
		err = screen.table()
	}
	screen.sum()
	return err
}

// devEnviron points every route at the stand-in. Settings of the bridge are
// the caller's, but for those that an embedded server does not allow, which is
// one node and at first empty; the log says only what is wrong unless they say
// otherwise.
func devEnviron(environ []string, natsURL, makecom string) []string {
	env := []string{"BRIDGE_LOG_LEVEL=warn", "BRIDGE_HTTP_ADDR=off"}
	for _, e := range environ {
		if strings.HasPrefix(e, "BRIDGE_") {
			env = append(env, e)
		}
	}
	env = append(env, "BRIDGE_STREAM_REPLICAS=1", "BRIDGE_PROVISION=true", "NATS_URL="+natsURL)
	for _, r := range subjects.Routes() {
		env = append(env, "MAKE_WEBHOOK_"+r.Env+"_URL="+strings.TrimSuffix(makecom, "/")+"/"+r.Name)
	}
	return env
}

// devEvents publishes one example of every type and an error that is not
// severe enough.
func devEvents(ctx context.Context, natsURL string, cfg *config.Config, screen *screen) error {
	nc, err := nats.Connect(natsURL)
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if err := stream.NewProvisioner(js, streamSettings(cfg)).Streams(ctx); err != nil {
		return err
	}
	events, err := devExamples()
	if err != nil {
		return err
	}
	publisher := subjects.NewPublisher(js, subjects.PublisherConfig{})
	defer publisher.Close(ctx)
	for _, e := range events {
		screen.expect(e.event.ID, e.event.Type)
		if _, err := publisher.PublishEvent(ctx, e.subject, e.event); err != nil {
			return err
		}
	}
	return nil
}

type devExample struct {
	subject string
	event   *schemas.Event
}

func devExamples() ([]devExample, error) {
	var all []devExample
	for _, entry := range subjects.Catalogue() {
		e, err := schemas.ExampleEvent(entry.Type)
		if err != nil {
			return nil, err
		}
		all = append(all, devExample{entry.Subject, e})
	}
	low, err := schemas.New(schemas.ErrorOccurred{
		ErrorID: "err_minor", Severity: schemas.SeverityLow, Message: "cache miss", Service: "catalogue",
	})
	return append(all, devExample{"errors.occurred", low}), err
}
