// Package watch is what an operator looks at and is woken by: dashboards for Grafana and
// alert rules for Prometheus, described here in Go and written to deploy/ by
//
//	go test ./internal/watch -rewrite
//
// A metric that is renamed, or that loses a label, would leave a panel empty and an alert
// silent, and nobody would notice. So deploy/metrics.txt lists what the program exports (its
// tests hold it to that, see package validator and package desk), and the tests here hold
// every query against the list, every metric of the list to a panel or a reason, and the
// files to this package. What Prometheus itself thinks of rules is asked of promtool where
// there is one.
package watch
