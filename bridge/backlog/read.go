package backlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Config says what to read.
type Config struct {
	// Stream holds the events, Bucket is what the replicas share.
	Stream, Bucket string
	// Routes are read by name, each with a question of its own, for which the
	// permissions of a bridge are enough. With none, the consumers of the
	// stream are listed, and those that a bridge has made are read; where that
	// is not allowed, those of the replicas alive.
	Routes []string
	// ReplicaLife is how old the record of a replica may be that is alive.
	ReplicaLife time.Duration
}

// Read reads how the routes stand. Its error says that nothing is known: the
// stream does not exist, or no question was answered. What is missing of the
// rest is told by State.ListErr, State.SharedErr and Route.Err.
//
// It takes a few round trips, and 2 s at most for each kind of question that
// is not answered.
func Read(ctx context.Context, js jetstream.JetStream, c Config) (State, error) {
	r := &reader{Config: c, js: js, asker: newAsker()}
	ctx, cancel := context.WithCancel(ctx)
	read := make(chan struct{})
	go func() { defer close(read); r.readShared(ctx, sharedKeys()) }()
	defer func() { cancel(); <-read }()
	if err := r.open(ctx); err != nil {
		return State{}, err
	}
	state := State{At: r.stream.CachedInfo().TimeStamp}
	infos, listed := r.list(ctx)
	<-read
	state.Replicas = r.shared.alive(state.At, c.ReplicaLife)
	state.Holds, state.SharedErr = r.shared.holdsByName(), r.shared.err
	names := r.names(infos, state.Replicas)
	if len(names) == 0 && listed != nil {
		return State{}, listed
	}
	state.ListErr = listed
	state.Routes = r.routes(ctx, names, infos)
	for i := range state.Routes {
		r.shared.complete(&state.Routes[i], &state)
	}
	return state, ctx.Err()
}

// reader is one Read.
type reader struct {
	Config
	js     jetstream.JetStream
	asker  *asker
	stream jetstream.Stream
	shared shared
}

// open looks the stream up.
func (r *reader) open(ctx context.Context) error {
	err := r.asker.ask(ctx, "look up stream "+r.Stream, "$JS.API.STREAM.INFO."+r.Stream, func(ctx context.Context) (err error) {
		r.stream, err = r.js.Stream(ctx, r.Stream)
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("stream %s does not exist: is BRIDGE_STREAM right, and has makebridge setup or run created it?", r.Stream)
	}
	return err
}
