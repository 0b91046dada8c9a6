package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// chaosExit is how long a process may take to exit after SIGTERM: the bridge's
// shutdown timeout, and what the machine needs.
const chaosExit = 20 * time.Second

// chaosProcess is a process that is killed, stopped, frozen and started again.
// One goroutine at a time has it in hand.
type chaosProcess struct {
	name    string
	url     string                          // where it is reached, if at all
	ready   func(ctx context.Context) error // nil: nobody waits for it
	command func(exe, life string) *exec.Cmd
	harms   *chaosHarms
	log     *os.File

	lives   int
	life    string // names the process that runs now: bridge-2.3 is the third of bridge-2
	told    int64  // the log's size when this life began
	process *os.Process
	exited  chan struct{}
	status  error // how it exited, once exited is closed
}

func newChaosProcess(t *testing.T, h *chaosHarms, name string, command func(exe, life string) *exec.Cmd) *chaosProcess {
	t.Helper()
	log, err := os.Create(filepath.Join(t.ArtifactDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &chaosProcess{name: name, command: command, harms: h, log: log}
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", name, p.tail(8<<10))
		}
		_ = log.Close()
	})
	return p
}

// start begins another life and waits until it is ready.
func (p *chaosProcess) start(ctx context.Context) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	p.lives++
	p.life = fmt.Sprintf("%s.%d", p.name, p.lives)
	if p.told, err = p.logged(); err != nil {
		return err
	}
	cmd := p.command(exe, p.life)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.life, err)
	}
	exited := make(chan struct{})
	p.process, p.exited = cmd.Process, exited
	go func() { p.status = cmd.Wait(); close(exited) }()
	if p.ready != nil {
		return p.ready(ctx)
	}
	return nil
}

// signal sends a signal to the process that runs now.
func (p *chaosProcess) signal(s syscall.Signal) error {
	if err := p.process.Signal(s); err != nil {
		return fmt.Errorf("send %s to %s: %w", s, p.life, err)
	}
	return nil
}

// logged returns the size of the log.
func (p *chaosProcess) logged() (int64, error) {
	info, err := p.log.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// awake waits until the process has said something: one that has only just been
// started does not know of SIGTERM yet, which ends it as it ends any program.
// It does not wait for one that has exited.
func (p *chaosProcess) awake() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		size, err := p.logged()
		if err != nil || size > p.told {
			return err
		}
		select {
		case <-p.exited:
			return nil
		default:
		}
		if !chaosPause(ctx, 10*time.Millisecond) {
			return fmt.Errorf("%s has not said a word", p.life)
		}
	}
}

// stop asks the process to exit, and expects that it does, and well.
func (p *chaosProcess) stop() error {
	if err := p.awake(); err != nil {
		return err
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.exited:
	case <-time.After(chaosExit):
		return fmt.Errorf("%s is still there %s after SIGTERM", p.life, chaosExit)
	}
	if p.status != nil {
		return fmt.Errorf("%s exited after SIGTERM: %w", p.life, p.status)
	}
	return nil
}

// end kills the process if it is still there, frozen or not.
func (p *chaosProcess) end() {
	if p.process != nil {
		_ = p.process.Kill()
		<-p.exited
	}
}

// text is the log of all its lives.
func (p *chaosProcess) text() []byte {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

func (p *chaosProcess) tail(most int) []byte {
	text := p.text()
	text = text[max(0, len(text)-most):]
	_, whole, _ := bytes.Cut(text, []byte("\n"))
	return whole
}
