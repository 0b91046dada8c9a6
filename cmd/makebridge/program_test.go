package main

import "testing"

func TestProgramIsNamedAsItWasStarted(t *testing.T) {
	for program, want := range map[string]string{
		"":                                     "makebridge",
		"makebridge":                           "makebridge",
		"./makebridge":                         "./makebridge",
		"/opt/our tools/a":                     "'/opt/our tools/a'",
		"/srv/go-bridge/bin/mb":                "/srv/go-bridge/bin/mb",
		"/tmp/go-build123/b001/exe/makebridge": "go run ./cmd/makebridge",
		"/home/ada/.cache/go-build/3f/3fa9-d/makebridge": "go run ./cmd/makebridge",
	} {
		if got := (&console{program: program}).command(); got != want {
			t.Errorf("%q: %s, want %s", program, got, want)
		}
	}
}
