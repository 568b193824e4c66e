package validator

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-network/scrip/transport"
)

// linkMetrics tells what the transport knows of links.
type linkMetrics struct {
	stats func() transport.Stats
	self  uint16
}

var (
	linkUp = prometheus.NewDesc("scrip_p2p_link_up", "Whether a lane to a member is up.",
		[]string{"member", "lane"}, nil)
	linkRoundTrip = prometheus.NewDesc("scrip_p2p_link_round_trip_seconds", "Last measured round trip; 0 = none yet.",
		[]string{"member", "lane"}, nil)
	connectionsEnded = prometheus.NewDesc("scrip_p2p_connections_ended_total",
		"Connections between members that were refused or ended.", []string{"reason"}, nil)
	keyContested = prometheus.NewDesc("scrip_p2p_key_contested",
		"1: the links of this member change hands again and again, as if two processes used its key.",
		[]string{"member"}, nil)
)

// Describe implements prometheus.Collector.
func (m *linkMetrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{linkUp, linkRoundTrip, connectionsEnded, keyContested} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (m *linkMetrics) Collect(c chan<- prometheus.Metric) {
	number := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	s := m.stats()
	contested := map[uint16]bool{m.self: s.Contested}
	for _, l := range s.Links {
		member := strconv.Itoa(int(l.Peer))
		gauge(linkUp, number(l.Up), member, l.Lane.String())
		gauge(linkRoundTrip, l.RoundTrip.Seconds(), member, l.Lane.String())
		contested[l.Peer] = contested[l.Peer] || l.Contested
	}
	for member, yes := range contested {
		gauge(keyContested, number(yes), strconv.Itoa(int(member)))
	}
	for _, r := range transport.Reasons() {
		c <- prometheus.MustNewConstMetric(connectionsEnded, prometheus.CounterValue, float64(s.Ended[r]), r.String())
	}
}
