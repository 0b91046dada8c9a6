package main

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestOutputForPeople(t *testing.T) {
	var b bytes.Buffer
	o := &output{w: &b, people: true, colour: true}
	o.table("", [][]string{{"NAME", "STATE"}, {o.paint(red, "ab"), "fine"}, {"abcdef", "fine"}})
	o.title("Title")
	o.item("label  ", strings.Repeat("sixteen letters! ", 6)+o.paint(green, "end"))
	want := "\x1b[2mNAME    STATE\x1b[0m\n" +
		"\x1b[31mab\x1b[0m      fine\n" +
		"abcdef  fine\n" +
		"\x1b[1mTitle\x1b[0m\n" +
		"label  sixteen letters! sixteen letters! sixteen letters! sixteen letters!\n" +
		"       sixteen letters! sixteen letters! \x1b[32mend\x1b[0m\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestOutputInAPipe(t *testing.T) {
	var b bytes.Buffer
	o := &output{w: &b}
	o.table("  ", [][]string{{"NAME", "STATE"}, {o.paint(red, "ab"), "fine"}})
	o.item("label  ", strings.Repeat("x ", 60))
	o.item("label  ", "")
	want := "  NAME  STATE\n  ab    fine\nlabel  " + strings.TrimSpace(strings.Repeat("x ", 60)) + "\nlabel\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestHelpFitsInEightyColumns(t *testing.T) {
	for _, path := range commandPaths(newRoot(&console{}), nil) {
		var out, errs buffer
		status := run(context.Background(), append(path, "--help"), &console{in: strings.NewReader(""), out: &out, err: &errs})
		if status != exitDone || errs.String() != "" {
			t.Errorf("%v --help: exit status %d, %s", path, status, errs.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns {
				t.Errorf("%v --help: %d columns: %s", path, n, line)
			}
		}
		if !strings.Contains(out.String(), "\nExamples:\n"+strings.Join(append([]string{"  makebridge"}, path...), " ")) {
			t.Errorf("%v --help does not begin its examples with the command", path)
		}
	}
}

// commandPaths lists a command and all below it, but for those that complete:
// their text is cobra's.
func commandPaths(c *cobra.Command, path []string) [][]string {
	paths := [][]string{path}
	for _, sub := range c.Commands() {
		if sub.Name() != "completion" && (sub.Runnable() || sub.HasSubCommands()) {
			paths = append(paths, commandPaths(sub, append(slices.Clone(path), sub.Name()))...)
		}
	}
	return paths
}

// TestHelpNamesTheFieldsOfJSON that a command lists.
func TestHelpNamesTheFieldsOfJSON(t *testing.T) {
	for command, listed := range map[string]any{
		"status":   statusRoute{},
		"dlq ls":   letterLine{},
		"dlq show": letterView{},
	} {
		var out, errs buffer
		run(context.Background(), append(strings.Fields(command), "--help"), &console{in: strings.NewReader(""), out: &out, err: &errs})
		words := strings.FieldsFunc(out.String(), func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, field := range reflect.VisibleFields(reflect.TypeOf(listed)) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name != "" && !slices.Contains(words, name) {
				t.Errorf("%s --help does not name %s", command, name)
			}
		}
	}
}
