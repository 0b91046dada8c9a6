package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/makebridge/makebridge/bridge/config"
	"github.com/makebridge/makebridge/bridge/standin"
)

type sinkFlags struct {
	listen                    string
	delay                     time.Duration
	faults                    []string
	limit                     string
	seed                      uint64
	apiKeyFile, signatureFile string
}

func newSink(c *console) *cobra.Command {
	var flags sinkFlags
	cmd := &cobra.Command{
		Use:   "sink",
		Short: "Run a make.com stand-in and print what arrives",
		Long: `Run a make.com stand-in until SIGINT or SIGTERM. Every path is a webhook. What
arrives is printed as JSON, one line each, as soon as it is answered.

` + fold("A fault is "+standin.FaultUsage+". Of several that apply to a request, the first that strikes decides.", 0),
		Example: `  makebridge sink
  makebridge sink --fault payments=429:0.1 --fault /errors=hang
  makebridge sink --fault queue-full:1/50 --delay 200ms | jq .event_id
  MAKE_WEBHOOK_PAYMENTS_URL=http://127.0.0.1:8099/payments makebridge run`,
		Args: usageArgs(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return sink(cmd.Context(), c, flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:8099", "listen on `ADDRESS`")
	f.DurationVar(&flags.delay, "delay", 0, "wait `TIME` before each answer")
	f.StringArrayVar(&flags.faults, "fault", nil, "strike with `FAULT`; repeatable")
	f.StringVar(&flags.limit, "limit", "300/10s", "answer 429 beyond `PACE`, or off")
	f.Uint64Var(&flags.seed, "seed", 0, "`NUMBER` that makes chance repeatable")
	f.StringVar(&flags.apiKeyFile, "api-key-file", "", "demand the API key in `FILE`, else 401")
	f.StringVar(&flags.signatureFile, "signing-secret-file", "", "verify signatures with the secrets in `FILE`")
	completeFile(cmd, "api-key-file")
	completeFile(cmd, "signing-secret-file")
	return cmd
}

func sink(ctx context.Context, c *console, flags sinkFlags) error {
	cfg, err := flags.config()
	if err != nil {
		return &usageError{err}
	}
	lines, failed := json.NewEncoder(c.out), make(chan error, 1)
	cfg.OnArrival = func(a standin.Arrival) {
		if err := lines.Encode(a); err != nil {
			select {
			case failed <- fmt.Errorf("write what arrived: %w", err):
			default:
			}
		}
	}
	makecom := standin.New(cfg)
	if err := makecom.Listen(flags.listen); err != nil {
		return fmt.Errorf("%w; choose another address with --listen, such as 127.0.0.1:8100", err)
	}
	fmt.Fprintf(c.err, "the make.com stand-in takes webhooks at %s/<any path>\n", strings.TrimSuffix(makecom.URL(""), "/"))
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, makecom.Close())
	n := makecom.Counts()
	fmt.Fprintf(c.err, "%d arrived, %d accepted, %d different events accepted\n", n.Arrived, n.Accepted, n.AcceptedEvents)
	return err
}

func (f sinkFlags) config() (standin.Config, error) {
	cfg := standin.Config{Delay: f.delay, Seed: f.seed, Keep: 1}
	if err := config.CheckAddr(f.listen); err != nil {
		return cfg, fmt.Errorf("--listen %q: %w, such as 127.0.0.1:8100", f.listen, err)
	}
	if f.delay < 0 {
		return cfg, errors.New("--delay must not be negative")
	}
	for _, text := range f.faults {
		fault, err := standin.ParseFault(text)
		if err != nil {
			return cfg, err
		}
		cfg.Faults = append(cfg.Faults, fault)
	}
	var err error
	if cfg.Limit, err = parseSinkLimit(f.limit); err != nil {
		return cfg, err
	}
	key, err := readSecret("--api-key-file", f.apiKeyFile)
	if err != nil {
		return cfg, err
	}
	cfg.APIKey = key
	secrets, err := readSecret("--signing-secret-file", f.signatureFile)
	if err != nil {
		return cfg, err
	}
	for i, word := range strings.Fields(secrets) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(word, "whsec_"))
		if err != nil {
			return cfg, fmt.Errorf("--signing-secret-file: secret %d must be base64, with or without whsec_ before it", i+1)
		}
		cfg.SigningKeys = append(cfg.SigningKeys, key)
	}
	return cfg, nil
}

func parseSinkLimit(text string) (standin.Limit, error) {
	if text == "off" {
		return standin.Limit{}, nil
	}
	count, span, _ := strings.Cut(text, "/")
	requests, err := strconv.Atoi(count)
	window, err2 := time.ParseDuration(span)
	if err != nil || err2 != nil || requests < 1 || window <= 0 {
		return standin.Limit{}, fmt.Errorf("--limit %q: must be requests in a window, such as 300/10s, or off", text)
	}
	return standin.Limit{Requests: requests, Window: window}, nil
}

func readSecret(flag, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	content, err := os.ReadFile(path) //nolint:gosec // whoever calls names the file
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	secret := strings.TrimSpace(string(content))
	if secret == "" {
		return "", fmt.Errorf("%s: the file is empty", flag)
	}
	return secret, nil
}
