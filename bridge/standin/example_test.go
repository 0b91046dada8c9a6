package standin_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/makebridge/makebridge/bridge/standin"
)

// A webhook that fails once and then works.
func Example() {
	makecom := standin.New(standin.Config{})
	if err := makecom.Listen("127.0.0.1:0"); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = makecom.Close() }()
	makecom.Script("payments", standin.Status(http.StatusServiceUnavailable))

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		res, err := client.Post(makecom.URL("payments"), "application/json", strings.NewReader("{}"))
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = res.Body.Close()
	}
	for _, a := range makecom.Arrivals() {
		fmt.Println(a.Number, a.Path, a.Status, a.Accepted())
	}
	// Output:
	// 1 /payments 503 false
	// 2 /payments 200 true
}
