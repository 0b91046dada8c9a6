package replay

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxEvent is the most in bytes that a compressed body may come to: what the
// largest max_payload of a NATS server allows, far beyond what make.com takes.
const maxEvent = 64 << 20

// event returns a letter's body as the event was.
func event(m message) ([]byte, error) {
	switch encoding := own(m.header, "Body"); encoding {
	case "":
		return m.body, nil
	case "gzip":
		body, err := gunzip(m.body)
		if err != nil {
			return nil, fmt.Errorf("decompress the body: %w", err)
		}
		return body, nil
	case "truncated":
		return nil, fmt.Errorf("%d bytes of the event are kept: more would not fit into max_payload of the NATS server when it had to be stored", len(m.body))
	default:
		return nil, fmt.Errorf("the body is stored as %.32q, which this version cannot read", encoding)
	}
}

func gunzip(compressed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r, maxEvent+1))
	if err == nil && len(body) > maxEvent {
		err = errors.New("it is larger than any NATS message can be")
	}
	return body, err
}

// peek returns what a body says of its event, whether or not the event is
// valid; nothing where it is no JSON object.
func peek(body []byte) (typ, id string) {
	var said struct {
		Type json.RawMessage `json:"type"`
		ID   json.RawMessage `json:"event_id"`
	}
	if json.Unmarshal(body, &said) != nil {
		return "", ""
	}
	_ = json.Unmarshal(said.Type, &typ) // something else than a string is none
	_ = json.Unmarshal(said.ID, &id)
	return typ, id
}
