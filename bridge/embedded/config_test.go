package embedded

import "testing"

// A process cannot lose power under a test, so that the setting arrives is
// all that can be seen of it here.
func TestSyncAlwaysReachesTheServer(t *testing.T) {
	for _, want := range []bool{false, true} {
		s, err := Start(Config{SyncAlways: want})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Shutdown)
		if got := s.nats.JetStreamConfig().SyncAlways; got != want {
			t.Errorf("SyncAlways: %t gives a server with %t", want, got)
		}
	}
}
