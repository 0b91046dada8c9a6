package config

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// lookEvery is how often the files are read in case nothing tells of a
	// change: network file systems do not, and watches can run out.
	lookEvery = 30 * time.Second
	// restTime is how long the files must have stayed the same to be loaded:
	// who writes a file in place may have written only its beginning yet.
	restTime = 100 * time.Millisecond
)

// Watch loads the configuration again, from the environment that it was loaded
// from, whenever the content of a file changes that a route's _FILE variable
// names. It hands every one without a problem to take, one after another, the
// first soon after the call. One with problems is logged as an error and
// otherwise ignored until the next change.
//
// A change is seen at once where the operating system tells of it, also when a
// symbolic link on the way to the file is swapped, as Kubernetes does; else,
// on a network file system for one, within 30 seconds. Files that change
// together should be swapped together: while they contradict each other, the
// configuration has a problem, or mixes old and new.
//
// Watch returns when ctx is done, or at once if no variable names a file.
func (c *Config) Watch(ctx context.Context, log *slog.Logger, take func(*Config)) {
	if len(c.files) == 0 {
		return
	}
	w := &watcher{files: c.files, reload: c.reload, take: take, log: log}
	notices, err := fsnotify.NewWatcher()
	if err != nil {
		w.unwatched(err)
		w.run(ctx, nil)
		return
	}
	defer notices.Close()
	w.run(ctx, notices)
}

// watcher is one call of Watch.
type watcher struct {
	files  []string
	reload func() (*Config, error)
	take   func(*Config)
	log    *slog.Logger

	loaded contents // what the files held when they were last loaded
	failed bool     // that had problems
	told   string   // why files are not watched
}

// run loads what is there now, and again after each change. Without notices it
// finds changes only by reading.
func (w *watcher) run(ctx context.Context, notices *fsnotify.Watcher) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var (
		events <-chan fsnotify.Event
		lost   <-chan error // too many events at once, for one
	)
	if notices != nil {
		events, lost = notices.Events, notices.Errors
	}
	for {
		if notices != nil { // before reading, so that no change falls between
			w.unwatched(watchDirectories(notices, directories(w.files)))
		}
		if read(w.files) != w.loaded {
			w.load(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-lost: //nolint:errcheck // whatever is wrong, the files tell
		case <-look.C:
		}
	}
}

// load waits until the files are at rest, loads them, and makes sure that they
// did not change meanwhile.
func (w *watcher) load(ctx context.Context) {
	rest := time.NewTicker(restTime)
	defer rest.Stop()
	for before := read(w.files); ; {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		c, err := w.reload()
		after := read(w.files)
		if after == before {
			w.loaded = after
			w.handle(c, err)
			return
		}
		before = after
	}
}

// handle takes a configuration over, or says why not.
func (w *watcher) handle(c *Config, err error) {
	if err != nil {
		w.failed = true
		w.log.Error("files of secrets are not valid, what was read before stays in use", "problems", lines(err))
		return
	}
	if w.failed {
		w.failed = false
		w.log.Info("files of secrets are valid again")
	}
	w.take(c)
}

// lines are the problems of a configuration in one line each.
func lines(err error) []string {
	var bad *Error
	if !errors.As(err, &bad) {
		return []string{err.Error()}
	}
	var all []string
	for _, p := range bad.Problems {
		all = append(all, p.String())
	}
	return all
}

// unwatched says, once until it changes, why a change may be found late.
func (w *watcher) unwatched(err error) {
	text := ""
	if err != nil {
		text = reason(err)
	}
	if text != "" && text != w.told {
		w.log.Warn("files of secrets cannot all be watched, changes are found late",
			"error", text, "at_most_ms", lookEvery.Milliseconds())
	}
	w.told = text
}
