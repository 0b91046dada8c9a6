package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// The metadata of an instance. The version is what the program calls itself,
// which need not be of SemVer's form.
const (
	metaReplica = "replica"
	metaVersion = "version"
	metaHost    = "host"
	metaStarted = "started"
)

func (s *Service) identity() micro.ServiceIdentity {
	return micro.ServiceIdentity{
		Name: serviceName, ID: s.cfg.ID, Version: semantic(s.cfg.Version),
		Metadata: map[string]string{
			metaReplica: s.cfg.ID, metaVersion: s.cfg.Version, metaHost: s.cfg.Host,
			metaStarted: s.cfg.Started.UTC().Format(time.RFC3339Nano),
		},
	}
}

// answer is the answer to a request of the service protocol.
func (s *Service) answer(subject string) ([]byte, error) {
	verb, _, _ := strings.Cut(strings.TrimPrefix(subject, micro.APIPrefix+"."), ".")
	switch verb {
	case micro.PingVerb.String():
		return json.Marshal(micro.Ping{ServiceIdentity: s.identity(), Type: micro.PingResponseType})
	case micro.InfoVerb.String():
		return json.Marshal(s.info())
	case micro.StatsVerb.String():
		stats, err := s.stats()
		if err != nil {
			return nil, err
		}
		return json.Marshal(stats)
	}
	return nil, fmt.Errorf("no service verb in %s", subject)
}

func (s *Service) info() micro.Info {
	info := micro.Info{
		ServiceIdentity: s.identity(), Type: micro.InfoResponseType,
		Description: "delivers events from JetStream to make.com",
		Endpoints:   []micro.EndpointInfo{},
	}
	for _, r := range s.cfg.Routes {
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{
			Name: r.Name, Subject: strings.Join(r.Subjects, ","),
			Metadata: map[string]string{"destination": s.cfg.Destination(r.Name).URL.String()},
		})
	}
	return info
}

func (s *Service) stats() (micro.Stats, error) {
	stats := micro.Stats{
		ServiceIdentity: s.identity(), Type: micro.StatsResponseType, Started: s.cfg.Started.UTC(), Endpoints: []*micro.EndpointStats{},
	}
	for _, r := range s.cfg.Routes {
		now := s.route(r)
		data, err := json.Marshal(now)
		if err != nil {
			return stats, err
		}
		posted, duration, lastError := s.tallies[r.Name].work()
		e := &micro.EndpointStats{
			Name: r.Name, Subject: strings.Join(r.Subjects, ","), Data: data, LastError: lastError, ProcessingTime: duration,
			NumRequests: int(now.Delivered + now.Filtered + now.Retried + now.DeadLettered), //nolint:gosec // of events
			NumErrors:   int(now.Retried + now.DeadLettered),                                //nolint:gosec // of events
		}
		if posted > 0 {
			e.AverageProcessingTime = duration / time.Duration(posted) //nolint:gosec // a count of events
		}
		stats.Endpoints = append(stats.Endpoints, e)
	}
	return stats, nil
}
