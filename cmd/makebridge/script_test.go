package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/makebridge/makebridge/bridge/embedded"
	"github.com/makebridge/makebridge/bridge/standin"
)

// TestScripts plays testdata/*.txtar: what each command prints, and its exit
// status. -update rewrites what they expect. Every script has a NATS server at
// $NATS_URL and a make.com stand-in at $MAKE, where the path gone is answered
// 410, full 400 and slow never.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setUpScript,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "mask": mask, "stream": createStream, "consumer": createConsumer, "bucket": putInBucket,
			"store": storeMessage,
		},
	})
}

func setUpScript(env *testscript.Env) error {
	server, err := embedded.Start(embedded.Config{StoreDir: filepath.Join(env.WorkDir, ".nats")})
	if err != nil {
		return err
	}
	env.Defer(server.Shutdown)
	makecom := standin.New(standin.Config{Faults: []standin.Fault{
		{Path: "gone", Do: standin.Status(410)}, {Path: "full", Do: standin.QueueFull()}, {Path: "slow", Do: standin.Hang()},
	}})
	if err := makecom.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	env.Defer(func() { _ = makecom.Close() })
	bin := filepath.Join(env.WorkDir, ".bin")
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Symlink(exe, filepath.Join(bin, "makebridge"))); err != nil {
		return err
	}
	env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
	env.Setenv(beProgram, "1")
	env.Setenv(raceOptions, os.Getenv(raceOptions))
	env.Setenv("NATS_URL", server.URL())
	env.Setenv("MAKE", makecom.URL(""))
	return nil
}

// exits runs a command that must end with an exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// varies matches what is different in every run, and what stands for it.
var varies = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+#[0-9a-f]{6}`), "HOST#URL"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
	{regexp.MustCompile(`(?m)^(\d+ +)\d+s +`), "${1}AGE  "},
	{regexp.MustCompile(`[0-9A-Za-z]{22}-(\d+-\d+)`), "RUN-$1"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`(?m)( \d{3} | none )( +)\d+ms$`), "$1${2}TOOK"},
	{regexp.MustCompile(`"duration_ms": \d+`), `"duration_ms": TOOK`},
	{regexp.MustCompile(`"(age|uptime)_seconds": [0-9.]+`), `"${1}_seconds": AGE`},
	{regexp.MustCompile(`held for \d+[smhd]`), "held for AGE"},
	{regexp.MustCompile(`(?m)[ \d]\ds( +- +-)$`), "AGE$1"},
	{regexp.MustCompile(`"version": "[^"]+"|nats-server \d\S+`), "VERSION"},
}

// mask writes what the last command wrote, all of it or from a title on, to the
// file masked, with what varies replaced.
func mask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: mask stdout|stderr [TITLE]")
	}
	text := ts.ReadFile(args[0])
	if len(args) == 2 {
		_, after, found := strings.Cut(text, "\n"+args[1]+"\n")
		if !found {
			ts.Fatalf("%s has no part %q", args[0], args[1])
		}
		text = args[1] + "\n" + after
	}
	for _, v := range varies {
		text = v.pattern.ReplaceAllString(text, v.mask)
	}
	ts.Check(os.WriteFile(ts.MkAbs("masked"), []byte(text), 0o600))
}

// createStream makes a stream of a configuration in JSON, as the server has it.
func createStream(ts *testscript.TestScript, _ bool, args []string) {
	var c jetstream.StreamConfig
	configured(ts, args, &c, func(js jetstream.JetStream) error {
		_, err := js.CreateStream(context.Background(), c)
		return err
	})
}

// createConsumer makes a consumer of EVENTS in the same way.
func createConsumer(ts *testscript.TestScript, _ bool, args []string) {
	var c jetstream.ConsumerConfig
	configured(ts, args, &c, func(js jetstream.JetStream) error {
		_, err := js.CreateConsumer(context.Background(), "EVENTS", c)
		return err
	})
}

// storeMessage stores a message: a file of its subject, its header lines, an
// empty line and the body. As many times as is said, or once.
func storeMessage(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: store FILE [TIMES]")
	}
	times := 1
	if len(args) == 2 {
		var err error
		times, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	head, body, _ := strings.Cut(ts.ReadFile(args[0]), "\n\n")
	lines := strings.Split(head, "\n")
	msg := nats.NewMsg(lines[0])
	msg.Data = []byte(body)
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		msg.Header.Set(name, strings.ReplaceAll(value, `\e`, "\x1b"))
	}
	connected(ts, func(js jetstream.JetStream) error {
		for range times {
			if _, err := js.PublishMsg(context.Background(), msg); err != nil {
				return err
			}
		}
		return nil
	})
}

func configured(ts *testscript.TestScript, args []string, into any, create func(jetstream.JetStream) error) {
	if len(args) != 1 {
		ts.Fatalf("usage: stream|consumer FILE")
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), into))
	connected(ts, create)
}

// connected does something with the server.
func connected(ts *testscript.TestScript, do func(jetstream.JetStream) error) {
	nc, err := nats.Connect(ts.Getenv("NATS_URL"))
	ts.Check(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	ts.Check(err)
	ts.Check(do(js))
}

// putInBucket writes files to the bucket of the replicas, which it makes.
func putInBucket(ts *testscript.TestScript, _ bool, args []string) {
	if len(args)%2 != 0 {
		ts.Fatalf("usage: bucket [KEY FILE ...]")
	}
	ctx := context.Background()
	connected(ts, func(js jetstream.JetStream) error {
		kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "makebridge", LimitMarkerTTL: time.Minute})
		for i := 0; i < len(args) && err == nil; i += 2 {
			_, err = kv.PutString(ctx, args[i], ts.ReadFile(args[i+1]))
		}
		return err
	})
}
