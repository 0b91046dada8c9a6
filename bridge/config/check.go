package config

import (
	"cmp"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxStreamName is the server's own limit.
const maxStreamName = 255

func (s *Stream) check(found *problems) {
	for variable, name := range map[string]string{"BRIDGE_STREAM": s.Name, "BRIDGE_DLQ_STREAM": s.DLQ} {
		if !validStreamName(name) {
			found.add(variable, "must be a stream's name: no spaces, and none of . * > / \\, at most "+strconv.Itoa(maxStreamName)+" bytes")
		}
	}
	if !validBucketName(s.Bucket) {
		found.add("BRIDGE_BUCKET", "must be a bucket's name: letters, digits, - and _ only, at most "+strconv.Itoa(maxStreamName-len(bucketStreamPrefix))+" bytes")
	}
	if s.Name == s.DLQ {
		found.add("BRIDGE_DLQ_STREAM", "must name another stream than BRIDGE_STREAM")
	}
	if s.DLQ == s.ReceiptsStream() {
		found.add("BRIDGE_DLQ_STREAM", "must name another stream than that of receipts, which is BRIDGE_STREAM with "+receiptsSuffix+" behind it")
	}
	if !found.has("BRIDGE_STREAM") && len(s.ReceiptsStream()) > maxStreamName {
		found.add("BRIDGE_STREAM", "must be at most "+strconv.Itoa(maxStreamName-len(receiptsSuffix))+
			" bytes, for the stream of receipts has "+receiptsSuffix+" behind that name; or set BRIDGE_RECEIPTS=off")
	}
}

// bucketStreamPrefix begins the name of a bucket's stream (ADR-8).
const bucketStreamPrefix = "KV_"

const bucketNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

func validBucketName(name string) bool {
	return name != "" && len(bucketStreamPrefix+name) <= maxStreamName &&
		strings.IndexFunc(name, func(r rune) bool { return !strings.ContainsRune(bucketNameBytes, r) }) < 0
}

func validStreamName(name string) bool {
	return name != "" && len(name) <= maxStreamName && !strings.ContainsAny(name, `.*>/\`) &&
		strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) < 0
}

func (d *Delivery) check(found *problems) {
	found.checkOrder("BRIDGE_DELIVERY_BACKOFF_MIN", d.BackoffMin, "BRIDGE_DELIVERY_BACKOFF_MAX", d.BackoffMax)
}

func (h *Hold) check(found *problems) {
	found.checkOrder("BRIDGE_HOLD_MIN", h.Min, "BRIDGE_HOLD_MAX", h.Max)
}

// checkOrder compares two settings unless one of them is at fault already.
func (p *problems) checkOrder(lowName string, low time.Duration, highName string, high time.Duration) {
	if !p.has(lowName) && !p.has(highName) && cmp.Less(high, low) {
		p.add(lowName, "must not be longer than "+highName)
	}
}

func (g *General) check(found *problems) {
	if g.HTTPAddr == "off" {
		g.HTTPAddr = ""
		return
	}
	if err := CheckAddr(g.HTTPAddr); err != nil {
		found.add("BRIDGE_HTTP_ADDR", err.Error()+", such as :8080, or off")
	}
}

// CheckAddr returns an error unless an address to listen on has the form
// host:port or :port, the port a number. It says what the address must be, in
// words that an example can follow.
func CheckAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil:
		return fault("must be host:port or :port")
	case !validPort(port):
		return fault("must have a port from 0 to 65535")
	}
	return nil
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}
