package main

import (
	"context"
	"strings"
	"testing"
)

func TestDevOnceDeliversOneOfEveryType(t *testing.T) {
	var out, log buffer
	status := run(context.Background(), []string{"dev", "--once", "--nats-port", "0"}, &console{in: strings.NewReader(""), out: &out, err: &log})
	if status != exitDone || log.String() != "" {
		t.Fatalf("exit status %d: %s", status, log.String())
	}
	if got := strings.Count(out.String(), "  delivered      200\n"); got != 14 {
		t.Errorf("%d types in the table, want 14:\n%s", got, out.String())
	}
	if !strings.HasSuffix(out.String(), "\n14 delivered, 1 filtered, 0 put off, 0 dead-lettered\n") {
		t.Errorf("last line of:\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if len([]rune(line)) > 81 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
}

func TestDevSaysWhenItsPortIsTaken(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var out, log buffer
	first := make(chan int, 1)
	go func() {
		first <- run(ctx, []string{"dev", "--nats-port", "0"}, &console{in: strings.NewReader(""), out: &out, err: &log})
	}()
	defer func() { cancel(); <-first }()
	w := world{t: t}
	w.eventually("the first to have delivered", func() bool { return strings.Count(out.String(), " 200 in ") == 14 })
	_, after, _ := strings.Cut(out.String(), "nats://127.0.0.1:")
	port, _, _ := strings.Cut(after, ",")
	var out2, log2 buffer
	status := run(context.Background(), []string{"dev", "--nats-port", port}, &console{in: strings.NewReader(""), out: &out2, err: &log2})
	if status != exitFailed || !strings.Contains(log2.String(), "--nats-port") || !strings.Contains(log2.String(), port) {
		t.Errorf("exit status %d: %s", status, log2.String())
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"run", "extra"}, {"run", "--nonsense"}, {"dev", "--nats-port", "x"}} {
		var out, log buffer
		status := run(context.Background(), args, &console{in: strings.NewReader(""), out: &out, err: &log})
		if status != exitUsage || !strings.Contains(log.String(), "--help") || out.String() != "" {
			t.Errorf("%v: exit status %d, %q, %q", args, status, out.String(), log.String())
		}
	}
}

func TestHelpHasAnExample(t *testing.T) {
	for _, command := range newRoot(&console{}).Commands() {
		if !strings.Contains(command.Example, "makebridge "+command.Name()) {
			t.Errorf("%s has no example", command.Name())
		}
		if command.Short == "" {
			t.Errorf("%s does not say what it is for", command.Name())
		}
	}
}

func TestVersion(t *testing.T) {
	var out, log buffer
	status := run(context.Background(), []string{"version"}, &console{in: strings.NewReader(""), out: &out, err: &log})
	if status != exitDone || !strings.HasPrefix(out.String(), "makebridge "+programVersion()) {
		t.Errorf("exit status %d: %q", status, out.String())
	}
}
