package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// errDeclined is what a question comes to that was not answered with yes.
var errDeclined = errors.New("nothing was done")

// confirm asks whoever sits at the terminal, unless the answer was given
// beforehand. Where nobody sits there it goes ahead.
func (c *console) confirm(ctx context.Context, question string, yes bool) error {
	if yes || !isTerminal(c.in) {
		return nil
	}
	fmt.Fprint(c.err, c.aside(question+" [y/N]"), " ")
	answered := make(chan error, 1)
	go func() { answered <- readYes(c.in) }() // it may read until the process ends
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		fmt.Fprintln(c.err)
		return errDeclined
	}
}

func readYes(in io.Reader) error {
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
