package config

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/makebridge/makebridge/bridge"
)

// credentials name the variables that the parts of a destination came from, or
// would come from.
type credentials struct {
	url, apiKey, signing, limit string
}

// destination puts together the webhook of a route that has a URL of its own.
// It returns nil if the URL is at fault.
func (d *draft) destination(s routeSettings, allowHTTP bool, found *problems) *bridge.Destination {
	address, urlName := d.secret("URL", s.URL, s.URLFile, found)
	key, keyName := d.secret("API_KEY", s.APIKey, s.APIKeyFile, found)
	signing, signingName := d.secret("SIGNING_SECRET", s.SigningSecret, s.SigningSecretFile, found)
	d.credentials = credentials{urlName, keyName, signingName, d.variable("RATE_LIMIT")}

	if message := badHeaderValue(key); message != "" {
		found.add(keyName, message)
	}
	keys, err := parseSigningKeys(signing)
	if err != nil {
		found.add(signingName, faultOf(err, "is not valid"))
	}
	if address == "" {
		return nil // told of already
	}
	u, err := bridge.ParseWebhookURL(address, allowHTTP)
	switch {
	case errors.Is(err, bridge.ErrPlainHTTP):
		found.add(urlName, "must be https; http is for loopback hosts, or with BRIDGE_ALLOW_HTTP=true")
		return nil
	case err != nil:
		found.add(urlName, err.Error())
		return nil
	}
	return &bridge.Destination{URL: u, APIKey: bridge.NewSecret(key), SigningKeys: keys, Limit: s.RateLimit}
}

// secret returns a value that is given by itself or in a file, without the
// white space around it, and the variable that gives it.
func (d *draft) secret(key, value, file string, found *problems) (string, string) {
	variable, fileVariable := d.variable(key), d.variable(key+"_FILE")
	if file == "" {
		trimmed := strings.TrimSpace(value)
		if trimmed == "" && value != "" {
			found.add(variable, "is blank")
		}
		return trimmed, variable
	}
	if value != "" {
		found.add(fileVariable, "is set as well as "+variable+"; keep one")
		return "", fileVariable
	}
	content, err := readFile(file)
	if err != nil {
		found.add(fileVariable, fileFault(err, "cannot be read"))
		return "", fileVariable
	}
	value = strings.TrimSpace(string(content))
	if value == "" {
		found.add(fileVariable, "the file is empty")
	}
	return value, fileVariable
}

// badHeaderValue keeps to what every HTTP implementation lets through.
func badHeaderValue(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "must be printable ASCII in one line"
	}
	return ""
}

// parseSigningKeys decodes the secrets of Standard Webhooks 1.0.
func parseSigningKeys(value string) ([]bridge.Secret, error) {
	var keys []bridge.Secret
	for i, word := range strings.Fields(value) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(word, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, fault("secret " + strconv.Itoa(i+1) + " must be base64, with or without whsec_ before it")
		}
		keys = append(keys, bridge.NewSecret(string(key)))
	}
	return keys, nil
}

// shareDestinations lets routes with one URL have one destination, the first
// one's, and tells of those that disagree about it.
func shareDestinations(drafts []*draft, found *problems) {
	first := map[string]*draft{}
	for _, d := range drafts {
		if d.Destination == nil || d.broken {
			continue
		}
		id := d.Destination.URL.ID()
		other, taken := first[id]
		switch {
		case !taken:
			first[id] = d
		case d.Destination.Same(other.Destination):
			d.Destination = other.Destination
		default:
			d.disagree(other, found)
		}
	}
}

func (d *draft) disagree(o *draft, found *problems) {
	report := func(same bool, mine, others string) {
		if !same {
			found.add(mine, "differs from "+others+", but "+d.credentials.url+" and "+o.credentials.url+
				" are one webhook; set both to the same, or neither")
		}
	}
	report(d.Destination.APIKey == o.Destination.APIKey, d.credentials.apiKey, o.credentials.apiKey)
	report(slices.Equal(d.Destination.SigningKeys, o.Destination.SigningKeys), d.credentials.signing, o.credentials.signing)
	report(d.Destination.Limit == o.Destination.Limit, d.credentials.limit, o.credentials.limit)
}
