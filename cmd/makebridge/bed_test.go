package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
	"github.com/makebridge/makebridge/bridge/testbed"
)

// beProgram, in the environment, makes the test binary the program itself, for
// tests that kill it, and asVersion gives that program a version.
const (
	beProgram = "MAKEBRIDGE_TEST_BE_PROGRAM"
	asVersion = "MAKEBRIDGE_TEST_VERSION"
)

// raceOptions is the variable that the race detector reads as a process starts.
const raceOptions = "GORACE"

func TestMain(m *testing.M) {
	writeStalls(os.Stderr)
	if os.Getenv(beServer) != "" {
		os.Exit(serveNATS(os.Args[1], os.Args[2], os.Args[3:]...))
	}
	if os.Getenv(beProgram) != "" {
		version = os.Getenv(asVersion)
		os.Exit(run(context.Background(), os.Args[1:], &console{environ: os.Environ(), in: os.Stdin, out: os.Stdout, err: os.Stderr}))
	}
	hasten()
	testbed.VerifyNoLeaks(m)
}

// hasten has the processes that tests start end at once. Under the race
// detector each would linger for a second.
func hasten() {
	if os.Getenv(raceOptions) == "" {
		if err := os.Setenv(raceOptions, "atexit_sleep_ms=0"); err != nil {
			panic(err)
		}
	}
}

const patience = testbed.Patience

// world is a NATS server, a make.com stand-in, and a client of the test's own.
type world struct {
	t       *testing.T
	config  embedded.Config
	nats    *embedded.Server
	makecom *standin.Server
	js      jetstream.JetStream
	env     []string
}

func newWorld(t *testing.T, natsConfig embedded.Config, makecom standin.Config) *world {
	t.Helper()
	return newWorldAs(t, natsConfig, makecom)
}

// newWorldAs has the test's own client connect with options.
func newWorldAs(t *testing.T, natsConfig embedded.Config, makecom standin.Config, options ...nats.Option) *world {
	t.Helper()
	w := &world{t: t, config: natsConfig}
	w.config.StoreDir, w.config.Port = t.TempDir(), testbed.FreePort(t)
	w.startNATS()
	t.Cleanup(func() { w.nats.Shutdown() })
	w.furnish(w.nats.URL(), makecom, options...)
	return w
}

// furnish adds what there is beside NATS, at url.
func (w *world) furnish(url string, makecom standin.Config, options ...nats.Option) {
	t := w.t
	t.Helper()
	w.makecom = standin.New(makecom)
	if err := w.makecom.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.makecom.Close() })
	w.js = testbed.Connect(t, url, options...)
	w.env = []string{
		"NATS_URL=" + url,
		"MAKE_WEBHOOK_PAYMENTS_URL=" + w.makecom.URL("payments"),
		"BRIDGE_HTTP_ADDR=127.0.0.1:0",
		"BRIDGE_REDELIVERY_DELAYS=200ms",
		"BRIDGE_DELIVERY_BACKOFF_MIN=1ms", "BRIDGE_DELIVERY_BACKOFF_MAX=10ms",
		"BRIDGE_HOLD_MIN=200ms", "BRIDGE_HOLD_MAX=400ms",
	}
}

func (w *world) startNATS() {
	w.t.Helper()
	s, err := embedded.Start(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.nats = s
}

// publish waits for the stream, since the bridge creates it.
func (w *world) publish(subject, body string, header ...string) uint64 {
	w.t.Helper()
	msg := nats.NewMsg(subject)
	msg.Data = []byte(body)
	msg.Header.Set(jetstream.MsgIDHeader, nuid.Next()) // stored once, though the answer may come too late
	for i := 0; i < len(header); i += 2 {
		msg.Header.Set(header[i], header[i+1])
	}
	var seq uint64
	w.eventually("the event to be stored", func() bool {
		ack, err := w.js.PublishMsg(w.t.Context(), msg)
		if err == nil {
			seq = ack.Sequence
		}
		return err == nil
	})
	return seq
}

// command runs a command to its end within the test's process.
func (w *world) command(args ...string) (status int, out, errs string) {
	return w.commandAs(nil, args...)
}

// commandAs is command with variables in its environment.
func (w *world) commandAs(env []string, args ...string) (status int, out, errs string) {
	w.t.Helper()
	var o, e buffer
	status = run(w.t.Context(), args, &console{environ: append(env, "NATS_URL="+w.nats.URL()), in: strings.NewReader(""), out: &o, err: &e})
	return status, o.String(), e.String()
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	testbed.Eventually(w.t, what, ok)
}

func (w *world) consumer(route string) *jetstream.ConsumerInfo {
	w.t.Helper()
	var info *jetstream.ConsumerInfo
	w.eventually("consumer "+route, func() bool {
		c, err := w.js.Consumer(w.t.Context(), "EVENTS", route)
		if err == nil {
			info = c.CachedInfo()
		}
		return err == nil
	})
	return info
}

// settled waits until the server has nothing left for a route.
func (w *world) settled(route string) {
	w.t.Helper()
	w.eventually("everything to be settled", func() bool { return testbed.Settled(w.t.Context(), w.js, "EVENTS", route) })
}

// arrived waits until so many requests have arrived.
func (w *world) arrived(n int) []standin.Arrival {
	w.t.Helper()
	w.eventually("requests to arrive", func() bool { return len(w.makecom.Arrivals()) >= n })
	return w.makecom.Arrivals()
}

func (w *world) letters() []*jetstream.RawStreamMsg {
	w.t.Helper()
	s, err := w.js.Stream(w.t.Context(), "EVENTS_DLQ")
	if err != nil {
		w.t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(w.t.Context(), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// buffer is written by the program and read by the test.
type buffer = testbed.Log

// program is `makebridge run` within the test's process.
type program struct {
	*world
	log  buffer
	out  buffer
	stop context.CancelFunc
	exit chan int
}

func (w *world) start(env ...string) *program {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{world: w, stop: cancel, exit: make(chan int, 1)}
	go func() {
		p.exit <- run(ctx, []string{"run"}, &console{environ: append(w.env, env...), in: strings.NewReader(""), out: &p.out, err: &p.log})
	}()
	w.t.Cleanup(func() {
		p.end()
		if w.t.Failed() {
			w.t.Logf("log of the bridge:\n%s", p.log.String())
		}
	})
	return p
}

// end stops the program and returns its exit status.
func (p *program) end() int {
	p.stop()
	status := <-p.exit
	p.exit <- status
	return status
}

var healthAddress = regexp.MustCompile(`"msg":"health is served","address":"([^"]+)"`)

// health asks for /readyz or /livez, once it is served.
func (p *program) health(path string) (status int, body string) {
	p.t.Helper()
	p.eventually("health to be served", func() bool { return healthAddress.MatchString(p.log.String()) })
	resp, err := http.Get("http://" + healthAddress.FindStringSubmatch(p.log.String())[1] + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// process is `makebridge run` as a process of its own.
func (w *world) process(env ...string) *exec.Cmd {
	w.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(exe, "run")
	cmd.Env = append(append(append(os.Environ(), beProgram+"=1"), w.env...), env...)
	cmd.Dir = w.t.TempDir()
	var log buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if w.t.Failed() {
			w.t.Logf("log of process %d:\n%s", cmd.Process.Pid, log.String())
		}
	})
	return cmd
}

// replica starts a bridge, a process of its own, and waits until it consumes.
func (w *world) replica(env ...string) *exec.Cmd {
	w.t.Helper()
	cmd := w.process(env...)
	w.eventually("a replica to consume", func() bool {
		return strings.Contains(cmd.Stderr.(*buffer).String(), `"msg":"consuming","route":"payments"`)
	})
	return cmd
}

// end stops a replica with SIGTERM.
func (w *world) end(cmd *exec.Cmd) {
	w.t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		w.t.Errorf("replica exited after SIGTERM: %v", err)
	}
}
