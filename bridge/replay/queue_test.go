package replay

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestNobodyOvertakes those before, although one between them ends without its turn.
func TestNobodyOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []int
		q := queue{do: func(ctx context.Context, i int, turn turn, passed func()) error {
			switch i {
			case 0: // is slow
				time.Sleep(time.Second)
			case 1: // cannot be read
				return nil
			}
			if err := turn.wait(ctx); err != nil {
				return err
			}
			order = append(order, i)
			passed()
			return nil
		}}
		if err := q.run(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(order, []int{0, 2}) {
			t.Errorf("the order is %d", order)
		}
	})
}
