package main

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/receipt"
)

// newReceipts returns the recorder of receipts, nil while they are off.
func newReceipts(cfg *config.Config, js jetstream.JetStream, replica string, log *slog.Logger) *receipt.Recorder {
	if cfg.Stream.ReceiptsStream() == "" {
		return nil
	}
	return receipt.New(receipt.Config{
		JetStream: js, Stream: cfg.Stream.ReceiptsStream(), Replica: replica, Logger: log,
	})
}

// runReceipts publishes receipts until stop is called, which is after the last
// event was settled.
func runReceipts(ctx context.Context, r *receipt.Recorder) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return func() { cancel(); <-done }
}
