package main

import (
	"bytes"
	"testing"
)

func TestMeterIsOneLineThatGoes(t *testing.T) {
	var b bytes.Buffer
	m := &meter{w: &b, label: "searched"}
	m.at(1, 4)
	m.end()
	if got, want := b.String(), "\r\x1b[Ksearched 1 of 4 (25%)\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	(&console{err: &b}).newMeter("searched").at(3, 4)
	if b.Len() > len("\r\x1b[Ksearched 1 of 4 (25%)\r\x1b[K") {
		t.Error("it writes where nobody looks")
	}
}
