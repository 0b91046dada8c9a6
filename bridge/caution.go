package bridge

import "context"

// Caution surrounds the handling of an event that was handed out before: its
// earlier handling may have ended the whole process, which nothing within the
// process can catch. Package stream has the real one.
//
// A suspect, which was being handled when a process ended, is handled while no
// other suspect is, so that the end of the process blames it alone. It does
// not keep others waiting where it waits itself, at the gate.
type Caution interface {
	// Turn returns once no other suspect is being handled, and for an event
	// that is none at once. Its only error is ctx's.
	Turn(ctx context.Context) error
	// Begin begins the handling of a suspect; end ends it. It reports false
	// where another suspect was quicker: wait for the turn again.
	Begin() (end func(), ok bool)
	// Mark notes that a step begins which may end the process; done notes that
	// it has not. Each takes a moment, bounded far below a second, whatever
	// becomes of ctx.
	Mark(ctx context.Context) (done func())
}

// turn and begin are those of the message's Caution, where it has one.
func (m *Message) turn(ctx context.Context) error {
	if m.Caution == nil {
		return ctx.Err()
	}
	return m.Caution.Turn(ctx)
}

func (m *Message) begin() (end func(), ok bool) {
	if m.Caution == nil {
		return func() {}, true
	}
	return m.Caution.Begin()
}

// cautiously does a step that may end the process and does not wait for
// anything. Its only error is ctx's: the step was not done.
func (m *Message) cautiously(ctx context.Context, step func()) error {
	if m.Caution == nil {
		step()
		return nil
	}
	for {
		if err := m.turn(ctx); err != nil {
			return err
		}
		if end, ok := m.begin(); ok {
			defer end()
			defer m.Caution.Mark(ctx)()
			step()
			return nil
		}
	}
}
