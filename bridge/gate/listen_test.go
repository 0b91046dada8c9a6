package gate

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestEchoOfARecordIsExpected(t *testing.T) {
	for _, c := range []struct {
		name  string
		heard []uint64
		want  error
	}{
		{"its own", []uint64{7}, nil},
		{"an earlier one, and then its own", []uint64{6, 7}, nil},
		{"one that was written since", []uint64{8}, nil},
		{"only an earlier one", []uint64{6}, errDeaf},
		{"nothing", nil, errDeaf},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				echoes := make(chan uint64)
				go func() {
					for _, revision := range c.heard {
						time.Sleep(echoTimeout / 4)
						echoes <- revision
					}
				}()
				if err := echo(t.Context(), echoes, 7); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}
