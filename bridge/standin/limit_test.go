package standin_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makebridge/makebridge/bridge/standin"
)

func TestRateLimitSlidesAndIsOfOnePath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := standin.New(standin.Config{Limit: standin.MakeLimit()})
		statuses := func(path string, n int) map[int]int {
			got := map[int]int{}
			for range n {
				w := httptest.NewRecorder()
				s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}")))
				got[w.Code]++
			}
			return got
		}
		check := func(what string, got map[int]int, accepted, refused int) {
			t.Helper()
			if got[200] != accepted || got[429] != refused || len(got) > 2 {
				t.Errorf("%s: %v, want %d accepted and %d refused", what, got, accepted, refused)
			}
		}
		check("first 100", statuses("/payments", 100), 100, 0)
		time.Sleep(6 * time.Second)
		check("250 more, 6 s later", statuses("/payments", 250), 200, 50)
		check("another path", statuses("/errors", 300), 300, 0)
		time.Sleep(4*time.Second - time.Nanosecond)
		check("just within the window", statuses("/payments", 10), 0, 10)
		time.Sleep(time.Nanosecond)
		check("when the first 100 are out of it", statuses("/payments", 150), 100, 50)
		time.Sleep(10 * time.Second)
		check("after a pause", statuses("/payments", 301), 300, 1)
	})
}

func TestLargestBody(t *testing.T) {
	s := serve(t, standin.Config{})
	largest := strings.Repeat("x", standin.MakeMaxBody)
	if got := mustPost(t, s.URL("payments"), largest); got.Status != 200 {
		t.Errorf("5 MiB answered %d", got.Status)
	}
	if got := mustPost(t, s.URL("payments"), largest+"x"); got.Status != 413 {
		t.Errorf("a byte more answered %d", got.Status)
	}
	if got := mustPost(t, s.URL("payments"), strings.Repeat(largest, 4)); got.Status != 413 {
		t.Errorf("20 MiB answered %d", got.Status)
	}
	as := s.Arrivals()
	if !bytes.Equal(as[0].Body, []byte(largest)) {
		t.Errorf("kept %d bytes of the largest body", len(as[0].Body))
	}
	if as[2].Body != nil || as[2].Size != 4*standin.MakeMaxBody {
		t.Errorf("of a body too large, kept %d bytes, size %d", len(as[2].Body), as[2].Size)
	}
}

func TestAPIKey(t *testing.T) {
	s := serve(t, standin.Config{APIKey: "sesame"})
	got := []int{
		mustPost(t, s.URL("payments"), "{}").Status,
		mustPost(t, s.URL("payments"), "{}", "x-make-apikey", "poppy").Status,
		mustPost(t, s.URL("payments"), "{}", "x-make-apikey", "sesame").Status,
	}
	if want := []int{401, 401, 200}; !slices.Equal(got, want) {
		t.Errorf("missing, wrong, right: %v, want %v", got, want)
	}
}

func TestRefusedRequestsUseNoScript(t *testing.T) {
	s := serve(t, standin.Config{APIKey: "sesame"})
	s.Script("payments", standin.Status(503))
	got := []int{
		mustPost(t, s.URL("payments"), "{}").Status,
		mustPost(t, s.URL("payments"), "{}", "x-make-apikey", "sesame").Status,
	}
	if want := []int{401, 503}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}
