package main

import (
	"context"
	"errors"
	"time"
)

// statusView shows one report after another.
type statusView interface {
	show(r *statusReport) error
	// trouble says why there is no newer report.
	trouble(err error) error
	// fit shows again what was shown last, if that has to look different now.
	fit() error
	close() error
}

// newStatusView returns the view that suits the output.
func newStatusView(out *output, interval time.Duration) statusView {
	switch {
	case out.isJSON():
		return &statusStream{out: out}
	case out.draws:
		return &statusScreen{out: out, interval: interval}
	}
	return &statusLog{out: out, said: map[string]string{}}
}

// fitInterval is how often a view looks whether its terminal has changed.
const fitInterval = 200 * time.Millisecond

// watchStatus shows a report at every interval until ctx is done. It fails
// where there is not even a first one; after that it waits for NATS.
func watchStatus(ctx context.Context, source *statusSource, view statusView, interval time.Duration) (err error) {
	r, err := source.read(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, view.close()) }()
	next, fit := time.NewTicker(interval), time.NewTicker(fitInterval)
	defer next.Stop()
	defer fit.Stop()
	err = view.show(r)
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-fit.C:
			err = view.fit()
		case <-next.C:
			r, trouble := source.read(ctx)
			switch {
			case ctx.Err() != nil:
				return nil
			case trouble != nil:
				err = view.trouble(trouble)
			default:
				err = view.show(r)
			}
		}
	}
	return err
}
