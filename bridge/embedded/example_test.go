package embedded_test

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/makebridge/makebridge/bridge/embedded"
)

// The zero Config is what a test wants: a free port and a store that goes
// away.
func Example() {
	s, err := embedded.Start(embedded.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Shutdown()

	nc, err := nats.Connect(s.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	fmt.Println(nc.Status())
	// Output: CONNECTED
}
