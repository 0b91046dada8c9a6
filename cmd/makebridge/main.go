// Command makebridge delivers events from NATS JetStream to make.com webhooks.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/makebridge/makebridge/bridge/config"
)

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // a wrong command line or configuration
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], &console{
		program: os.Args[0], environ: os.Environ(), in: os.Stdin, out: os.Stdout, err: os.Stderr,
	}))
}

// console is what the program has of the world outside.
type console struct {
	program  string // as it was started
	environ  []string
	in       io.Reader
	out, err io.Writer
}

// run is the program: it returns the exit status. SIGINT and SIGTERM end ctx;
// a second one ends the process.
func run(ctx context.Context, args []string, c *console) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	world := *c
	out := &written{w: c.out}
	world.out = out
	root := newRoot(&world)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if unwritten := out.failure(); unwritten != nil && !errors.Is(err, unwritten) {
		err = errors.Join(err, unwritten)
	}
	if err == nil {
		return exitDone
	}
	if text := err.Error(); text != "" && !errors.Is(err, syscall.EPIPE) { // nobody reads on, who knows that
		fmt.Fprintln(c.err, "makebridge:", text)
	}
	var usage *usageError
	var bad *config.Error
	if errors.As(err, &usage) || errors.As(err, &bad) {
		return exitUsage
	}
	return exitFailed
}
