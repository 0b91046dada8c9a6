package config

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// watched is a configuration of one route whose URL and key are in files, the
// log of its watcher, and what was taken over last.
type watched struct {
	t      *testing.T
	config *Config

	mu   sync.Mutex
	log  bytes.Buffer
	took []string // path of the URL and the key
}

func newWatched(t *testing.T, url, key string) *watched {
	t.Helper()
	return &watched{t: t, config: load(t, "MAKE_WEBHOOK_PAYMENTS_URL_FILE="+url, "MAKE_WEBHOOK_PAYMENTS_API_KEY_FILE="+key)}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watched) take(c *Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := c.Routes[0].Destination
	w.took = append(w.took, d.URL.Reveal().Path+" "+d.APIKey.Reveal())
}

// start watches until the test ends, and waits until the first configuration
// was taken over.
func (w *watched) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.config.Watch(ctx, slog.New(slog.NewJSONHandler(w, nil)), w.take) }()
	w.t.Cleanup(func() { cancel(); <-done })
	w.eventually("the first configuration", func() bool { return len(w.took) > 0 })
}

// eventually gives up before the files would be read anyway.
func (w *watched) eventually(what string, ok func() bool) {
	w.t.Helper()
	met := func() bool { w.mu.Lock(); defer w.mu.Unlock(); return ok() }
	for end := time.Now().Add(lookEvery / 2); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("gave up waiting for %s; taken over: %q, log:\n%s", what, w.took, w.log.String())
		}
	}
}

func (w *watched) tookLast(want string) {
	w.t.Helper()
	w.eventually(want, func() bool { return w.took[len(w.took)-1] == want })
}

func (w *watched) logged(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.log.String(), text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// swap does to a volume what the kubelet does: a new directory, a link to it
// that takes the place of ..data, and the old directory is removed. The files
// are links into ..data.
func swap(t *testing.T, volume string, files map[string]string) {
	t.Helper()
	data := filepath.Join(volume, "..data")
	old, _ := os.Readlink(data)
	fresh := filepath.Join(volume, fmt.Sprint("..", time.Now().UnixNano()))
	must(t, os.Mkdir(fresh, 0o700))
	for name, content := range files {
		write(t, filepath.Join(fresh, name), content)
	}
	must(t, os.Symlink(filepath.Base(fresh), data+"_tmp"))
	must(t, os.Rename(data+"_tmp", data))
	for name := range files {
		if link := filepath.Join(volume, name); old == "" {
			must(t, os.Symlink(filepath.Join("..data", name), link))
		}
	}
	if old != "" {
		must(t, os.RemoveAll(filepath.Join(volume, old)))
	}
}

func address(path string) string { return "https://hook.example.com" + path + "\n" }

func TestWatchSeesKubernetesSwap(t *testing.T) {
	t.Parallel()
	volume := t.TempDir()
	version := func(n int) map[string]string {
		return map[string]string{"url": address(fmt.Sprint("/", n)), "key": fmt.Sprint("k", n)}
	}
	swap(t, volume, version(1))
	w := newWatched(t, filepath.Join(volume, "url"), filepath.Join(volume, "key"))
	w.start()
	for n := 2; n < 5; n++ {
		swap(t, volume, version(n))
		w.tookLast(fmt.Sprintf("/%d k%d", n, n))
	}
	for _, took := range w.took {
		if took[1:2] != took[4:5] {
			t.Errorf("taken over half old, half new: %s", took)
		}
	}
	if w.logged(`"level":"ERROR"`) > 0 {
		t.Errorf("errors in the log:\n%s", w.log.String())
	}
}

// TestWatchSeesChange has the ways in which people and programs change files.
func TestWatchSeesChange(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, w *watched, dir string){
		"written in place": func(t *testing.T, _ *watched, dir string) {
			write(t, filepath.Join(dir, "now", "url"), address("/new"))
		},
		"another put in its place": func(t *testing.T, _ *watched, dir string) {
			write(t, filepath.Join(dir, "url.tmp"), address("/new"))
			must(t, os.Rename(filepath.Join(dir, "url.tmp"), filepath.Join(dir, "now", "url")))
		},
		"removed, and created anew later": func(t *testing.T, w *watched, dir string) {
			must(t, os.Remove(filepath.Join(dir, "now", "url")))
			w.eventually("its absence to be told of", func() bool { return strings.Contains(w.log.String(), "no such file") })
			write(t, filepath.Join(dir, "now", "url"), address("/new"))
		},
		"a link to its directory swapped": func(t *testing.T, _ *watched, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "v2"), 0o700))
			write(t, filepath.Join(dir, "v2", "url"), address("/new"))
			must(t, os.Symlink("v2", filepath.Join(dir, "now.tmp")))
			must(t, os.Rename(filepath.Join(dir, "now.tmp"), filepath.Join(dir, "now")))
		},
		"then changed where the link leads now": func(t *testing.T, _ *watched, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "v2"), 0o700))
			write(t, filepath.Join(dir, "v2", "url"), address("/old"))
			must(t, os.Symlink("v2", filepath.Join(dir, "now.tmp")))
			must(t, os.Rename(filepath.Join(dir, "now.tmp"), filepath.Join(dir, "now")))
			write(t, filepath.Join(dir, "v2", "url"), address("/new"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			must(t, os.Mkdir(filepath.Join(dir, "v1"), 0o700))
			must(t, os.Symlink("v1", filepath.Join(dir, "now")))
			write(t, filepath.Join(dir, "v1", "url"), address("/old"))
			key := filepath.Join(t.TempDir(), "key") // so that nobody watches dir on its account
			write(t, key, "k")
			w := newWatched(t, filepath.Join(dir, "now", "url"), key)
			w.start()
			change(t, w, dir)
			w.tookLast("/new k")
		})
	}
}

func TestWatchTakesNothingBad(t *testing.T) {
	t.Parallel()
	const canary = "cAnArY"
	for content, problem := range map[string]string{
		"":                                     "MAKE_WEBHOOK_PAYMENTS_URL_FILE: the file is empty",
		"http://hook.example.com/" + canary:    "MAKE_WEBHOOK_PAYMENTS_URL_FILE: must be https",
		canary:                                 "MAKE_WEBHOOK_PAYMENTS_URL_FILE: must start with https://",
		"https://u:" + canary + "@example.com": "MAKE_WEBHOOK_PAYMENTS_URL_FILE: must not carry",
	} {
		t.Run(problem, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			url, key := filepath.Join(dir, "url"), filepath.Join(dir, "key")
			write(t, url, address("/"+canary))
			write(t, key, canary)
			w := newWatched(t, url, key)
			w.start()

			write(t, url, content)
			w.eventually("the problem in the log", func() bool { return strings.Contains(w.log.String(), problem) })
			for n := range 50 { // what happens beside it changes nothing
				write(t, filepath.Join(dir, fmt.Sprint("other", n)), "x")
			}
			write(t, url+".tmp", address("/mended"))
			must(t, os.Rename(url+".tmp", url))
			w.tookLast("/mended " + canary)

			if n := w.logged(problem); n != 1 {
				t.Errorf("the problem is logged %d times, want once", n)
			}
			if n := w.logged("valid again"); n != 1 {
				t.Errorf("that it is mended is logged %d times, want once", n)
			}
			if len(w.took) != 2 {
				t.Errorf("taken over %q, want the first and the mended", w.took)
			}
			if w.logged(canary) > 0 {
				t.Errorf("a secret shows in the log:\n%s", w.log.String())
			}
		})
	}
}

// TestWatchWithoutNotices: where nothing tells of changes the files are read
// every so often, and taken over once they rest.
func TestWatchWithoutNotices(t *testing.T) {
	dir := t.TempDir()
	url, key := filepath.Join(dir, "url"), filepath.Join(dir, "key")
	write(t, url, address("/old"))
	write(t, key, "k")
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, url, key)
		watcher := &watcher{files: w.config.files, reload: w.config.reload, take: w.take, log: slog.New(slog.NewJSONHandler(w, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); watcher.run(ctx, nil) }()
		time.Sleep(lookEvery - time.Millisecond)

		write(t, url, address("/half"))
		time.Sleep(restTime)
		write(t, url, address("/half-and-half"))
		time.Sleep(2 * restTime)
		synctest.Wait()
		if got := strings.Join(w.took, ", "); got != "/old k, /half-and-half k" {
			t.Errorf("taken over %s", got)
		}
		write(t, url, address("/late"))
		time.Sleep(lookEvery + 2*restTime)
		synctest.Wait()
		if got := w.took[len(w.took)-1]; got != "/late k" {
			t.Errorf("after the longest time %s is in use", got)
		}
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		if len(w.took) != 3 {
			t.Errorf("taken over %q, of which nothing was new", w.took)
		}
		cancel()
		<-done
	})
}

// TestWatchSeesChangeWhileLoading: what was read before a change is not taken
// for what the files hold after it.
func TestWatchSeesChangeWhileLoading(t *testing.T) {
	dir := t.TempDir()
	url, key := filepath.Join(dir, "url"), filepath.Join(dir, "key")
	write(t, url, address("/old"))
	write(t, key, "k")
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, url, key)
		loads := 0
		reload := func() (*Config, error) {
			defer write(t, url, address("/new"))
			loads++
			return w.config.reload()
		}
		watcher := &watcher{files: w.config.files, reload: reload, take: w.take, log: slog.New(slog.NewJSONHandler(w, nil))}
		watcher.load(t.Context())
		if got := strings.Join(w.took, ", "); got != "/new k" || loads != 2 {
			t.Errorf("taken over %s by %d loads", got, loads)
		}
	})
}

// TestWatchCannotWatch: what cannot be watched is said once and read all the
// same.
func TestWatchCannotWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	volume := filepath.Join(dir, "volume")
	must(t, os.Mkdir(volume, 0o700))
	write(t, filepath.Join(volume, "url"), address("/old"))
	write(t, filepath.Join(dir, "key"), "k1")
	w := newWatched(t, filepath.Join(volume, "url"), filepath.Join(dir, "key"))
	w.start()
	must(t, os.RemoveAll(volume))
	w.eventually("what is wrong", func() bool {
		return strings.Contains(w.log.String(), "no such file or directory") && strings.Contains(w.log.String(), "cannot all be watched")
	})
	must(t, os.Mkdir(volume, 0o700))
	write(t, filepath.Join(volume, "url"), address("/new"))
	write(t, filepath.Join(dir, "key"), "k2") // which is seen at once
	w.tookLast("/new k2")
	if n := w.logged("cannot all be watched"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestWatchWithoutFiles(t *testing.T) {
	t.Parallel()
	c := load(t, "MAKE_WEBHOOK_PAYMENTS_URL=https://hook.example.com/a", "NATS_CREDS=")
	c.Watch(t.Context(), slog.New(slog.DiscardHandler), func(*Config) { t.Error("taken over") })
	if t.Context().Err() != nil {
		t.Error("it waited for the end")
	}
}
