package watch

import (
	"fmt"
	"strings"
	"time"
)

// Severity says how an operator is told.
type Severity string

// The severities of alerts.
const (
	// Page wakes somebody: coupons stand still, or promises are in danger.
	Page Severity = "page"
	// Ticket is looked at on a working day.
	Ticket Severity = "ticket"
)

// Alert is a rule of Prometheus.
type Alert struct {
	Name     string
	Severity Severity
	// Query has a result while something is wrong, For how long it must be before anybody
	// is told.
	Query string
	For   time.Duration
	// Summary says what is wrong, in a sentence that may name labels as {{ $labels.x }};
	// Remedy what to do.
	Summary, Remedy string
}

// Alerts are all rules, the worst first.
func Alerts() []Alert {
	return append(pages(), tickets()...)
}

func pages() []Alert {
	return []Alert{
		{"ScripNodeDown", Page, `up{job="scrip"} == 0`, time.Minute, "Node {{ $labels.instance }} does not answer",
			"Look whether it runs: its exit status says whether starting it again helps (operations.md, section 7)."},
		{"ScripNotVoting", Page, "scrip_consensus_condition > 0 < 6", 10 * time.Second,
			"Node {{ $labels.instance }} does not vote: condition {{ $value }}",
			"Ask its /readyz?verbose; operations.md, section 5, has the conditions, section 7 the remedies."},
		{"ScripNothingCommits", Page, "increase(scrip_consensus_height[1m]) == 0", time.Minute,
			"Node {{ $labels.instance }} has executed no block for two minutes",
			"An idle chain makes about one a second. Is a quorum of members up, and can it reach them?"},
		{"ScripNoQuorum", Page,
			"scrip_consensus_missing_validators > floor((scrip_p2p_peers + scrip_consensus_missing_validators) / 3)",
			30 * time.Second, "Node {{ $labels.instance }} does not hear {{ $value }} members: more than may be away",
			"Nothing commits without a quorum. Look at the links of this node first, then call the other members."},
		{"ScripKeyContested", Page, "max by (job, member) (scrip_p2p_key_contested) > 0", time.Minute,
			"Two processes use the key of member {{ $labels.member }}",
			"Its operator must stop one of them at once: what both sign breaks the key's promises."},
		{"ScripDiskFull", Page, "scrip_disk_free_bytes < 256 * 1024 * 1024", time.Minute,
			"Node {{ $labels.instance }} has {{ $value | humanize1024 }}B of disk left",
			"It stops taking part when nothing is left. Make room, never in the data folder."},
		{"ScripDeskWriteFailed", Page, "scrip_desk_batches_failed > 0", time.Minute,
			"The ticket desk {{ $labels.instance }} could not write {{ $value }} of its logs",
			"Those batches give no tickets. Mend the disk and start the desk again."},
	}
}

func tickets() []Alert {
	return []Alert{
		{"ScripNoSpare", Ticket, "scrip_consensus_missing_validators > 0", 5 * time.Minute,
			"Node {{ $labels.instance }} has not heard {{ $value }} members for five minutes",
			"As long as one is away, the next failure may stop the chain. Tell its operator."},
		{"ScripBehind", Ticket, "scrip_consensus_blocks_behind > 64", 2 * time.Minute,
			"Node {{ $labels.instance }} is {{ $value }} blocks behind",
			"It is not ready meanwhile. Is its disk or line too slow?"},
		{"ScripClockWrong", Ticket, "abs(scrip_clock_ahead_seconds) > 0", 30 * time.Second,
			"The clock of {{ $labels.instance }} is {{ $value }} s off",
			"Set it, and keep it by NTP. Nothing needs a restart."},
		{"ScripViewChanges", Ticket, "increase(scrip_consensus_view_changes_total[5m]) > 5", 0,
			"Node {{ $labels.instance }} has entered {{ $value }} views in five minutes",
			"Which members were primaries? Look at their load, clocks and links."},
		{"ScripMemberMisbehaves", Ticket,
			`sum by (job, instance, reason) (increase(scrip_consensus_messages_total{reason=~"sender|invalid-.*"}[10m])) > 0`,
			0,
			"Node {{ $labels.instance }} has refused messages: {{ $labels.reason }}",
			"A member misbehaves or runs another version: the log of the node names it."},
		{"ScripAnswersDropped", Ticket, "increase(scrip_p2p_answers_dropped_total[10m]) > 0 unless on (job) " +
			"(max by (job) (scrip_consensus_blocks_behind) > 64)", 10 * time.Minute,
			"Members ask {{ $labels.instance }} for more than their budget, and nobody is behind",
			"The log of the node names who asks."},
		{"ScripDiskSlow", Ticket, "histogram_quantile(0.99, sum by (job, instance, le) " +
			`(rate(scrip_consensus_step_duration_seconds_bucket{step="persist"}[5m]))) > 0.05`, 5 * time.Minute,
			"Node {{ $labels.instance }} needs {{ $value | humanizeDuration }} to make a promise durable",
			"Its votes come that much later. Give it a disk of its own that keeps what it acknowledges."},
		{"ScripDiskFillsUp", Ticket, "scrip_disk_free_bytes < 4 * 1024 * 1024 * 1024 or " +
			"(predict_linear(scrip_disk_free_bytes[6h], 7 * 86400) < 0 and scrip_disk_free_bytes offset 2h)", 30 * time.Minute,
			"The disk of {{ $labels.instance }} is full in a week or sooner",
			"The ledger grows for the life of the chain: make room."},
		{"ScripCustomersWait", Ticket, "histogram_quantile(0.99, sum by (job, instance, le) " +
			"(rate(scrip_tx_commit_seconds_bucket[5m]))) > 1", 5 * time.Minute,
			"One of a hundred clients of {{ $labels.instance }} waits {{ $value | humanizeDuration }} or longer",
			"The dashboard of the till shows in which stage."},
		{"ScripOverloaded", Ticket, `increase(scrip_tx_refused_total{code="E108"}[5m]) > 0`, 5 * time.Minute,
			"Node {{ $labels.instance }} refuses transactions: its pool is full",
			"More is asked than the members can do, or one of them is slow: look at the stages."},
		{"ScripErrors", Ticket, `sum by (job, instance) (rate(scrip_api_requests_total{status=~"5.."}[5m])) > ` +
			"0.01 * sum by (job, instance) (rate(scrip_api_requests_total[5m]))", 5 * time.Minute,
			"Node {{ $labels.instance }} fails more than one request of a hundred", "Its log has the reasons."},
		{"ScripFewDescriptors", Ticket, `process_open_fds{job="scrip"} > 0.8 * process_max_fds{job="scrip"}`, 5 * time.Minute,
			"Node {{ $labels.instance }} has {{ $value }} files and connections open, and can open few more",
			"Raise LimitNOFILE, or lower api.connections."},
		{"ScripTicketsRunOut", Ticket, "scrip_desk_tickets_left < 0.05 * scrip_desk_tickets", 0,
			"The ticket desk {{ $labels.instance }} has {{ $value }} tickets left",
			"Commit the next batch, if there is to be one."},
		{"ScripWebhookGivenUp", Ticket, "increase(scrip_hooks_dead_total[1h]) > 0", 0,
			"Webhooks of {{ $labels.instance }}: {{ $value }} deliveries were given up in the last hour",
			"scrip hooks dead says which and why; scrip hooks resend delivers one again."},
		{"ScripWebhooksStand", Ticket, "scrip_hooks_block_age_seconds > 60", time.Minute,
			"Webhooks of {{ $labels.instance }} have followed no block for {{ $value | humanizeDuration }}",
			"Do the nodes that it asks answer, and does the chain go on? Its log has the reason."},
		{"ScripVersionsDiffer", Ticket, "count by (job) (count by (job, version) (scrip_build_info)) > 1", 4 * time.Hour,
			"{{ $value }} versions of Scrip have run side by side for hours",
			"Finish the upgrade, one validator after the other."},
	}
}

// RulesYAML returns the alerts as Prometheus reads them.
func RulesYAML(all []Alert) string {
	var b strings.Builder
	b.WriteString("# Alert rules for Prometheus, written by go test ./internal/watch -rewrite.\n" +
		"groups:\n  - name: scrip\n    rules:\n")
	for _, a := range all {
		fmt.Fprintf(&b, "      - alert: %s\n        expr: %s\n", a.Name, yamlText(a.Query))
		if a.For > 0 {
			fmt.Fprintf(&b, "        for: %ds\n", int(a.For.Seconds()))
		}
		fmt.Fprintf(&b, "        labels:\n          severity: %s\n        annotations:\n", a.Severity)
		fmt.Fprintf(&b, "          summary: %s\n          description: %s\n", yamlText(a.Summary), yamlText(a.Remedy))
	}
	return b.String()
}

// yamlText quotes a text of one line for YAML.
func yamlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
