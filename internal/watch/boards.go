package watch

// Boards are all dashboards.
func Boards() []Board { return []Board{networkBoard(), nodeBoard(), tillBoard()} }

// Unshown are metrics that no panel shows and no alert asks for, each with the reason.
func Unshown() map[string]string {
	return map[string]string{
		"scrip_mempool_senders":            "explains a full mempool to who looks for its cause; tx_refused_total shows it",
		"scrip_consensus_blocks_in_flight": "changes faster than anybody scrapes",
	}
}

// quantile is the p-th quantile of a histogram over its last moments, by these labels.
func quantile(p, histogram, matchers, by string) string {
	if by != "" {
		by = ", " + by
	}
	return "histogram_quantile(" + p + ", sum by (le" + by + ") (rate(" + histogram + "_bucket" + matchers +
		"[$__rate_interval])))"
}

// rate is how fast a counter grows, by these labels.
func rate(counter, matchers, by string) string {
	return "sum by (" + by + ") (rate(" + counter + matchers + "[$__rate_interval]))"
}

// one is the chosen node alone.
const one = `{instance="$instance"}`

// halves are the lines of the median and of the 99th percentile of a histogram.
func halves(histogram, matchers, by, legend string) []Line {
	return []Line{
		{legend + " p50", quantile("0.5", histogram, matchers, by)},
		{legend + " p99", quantile("0.99", histogram, matchers, by)},
	}
}

// each is a line for every node.
func each(query string) []Line { return []Line{{"{{instance}}", query}} }

func networkBoard() Board {
	return Board{
		Name: "network", Title: "Scrip: network",
		About: "Whether the members together do their work. Every node that is scraped is a line; a member whose node " +
			"nobody scrapes shows in what the others hear of it.",
		Rows: []Row{{"Does it work?", []Panel{
			{Title: "Nodes that vote", Unit: Plain, Big: true,
				About: "Of those that are scraped. Below a quorum nothing commits.",
				Lines: []Line{{"", "count(scrip_consensus_condition == 0)"}}},
			{Title: "Height", Unit: Plain, Big: true, About: "Of the node that is ahead.",
				Lines: []Line{{"", "max(scrip_consensus_height)"}}},
			{Title: "Furthest behind", Unit: Plain, Big: true, Alarm: 64,
				About: "Blocks that a node lacks. Above 64 it is not ready.",
				Lines: []Line{{"", "max(scrip_consensus_blocks_behind)"}}},
			{Title: "Transactions a second", Unit: PerSecond, Big: true, About: "Executed, as the median node counts.",
				Lines: []Line{{"", "quantile(0.5, rate(scrip_consensus_txs_total[$__rate_interval]))"}}},
			{Title: "Members not heard", Unit: Plain, Big: true, Alarm: 1, About: "By the node that hears fewest.",
				Lines: []Line{{"", "max(scrip_consensus_missing_validators)"}}},
			{Title: "Clients wait, p99", Unit: Seconds, Big: true, Alarm: 1,
				About: "From the mempool to a stored outcome.",
				Lines: []Line{{"", quantile("0.99", "scrip_tx_commit_seconds", "", "")}}},
		}}, {"Order", []Panel{
			{Title: "Height", Unit: Plain, Lines: each("scrip_consensus_height"),
				About: "One line for all. A line that is flat is a node that has stopped."},
			{Title: "Condition", Unit: Plain, Lines: each("scrip_consensus_condition"),
				About: "0 votes, 1 recalls, 2 amnesic, 3 diverged, 4 broken, 5 stopped."},
			{Title: "Blocks behind", Unit: Plain, Lines: each("scrip_consensus_blocks_behind"),
				About: "Committed somewhere and not executed here."},
			{Title: "View", Unit: Plain, Lines: each("scrip_consensus_view"),
				About: "Members agree on it; it changes when a primary is slow or away."},
			{Title: "Views entered", Unit: PerSecond, Lines: each("rate(scrip_consensus_view_changes_total[$__rate_interval])"),
				About: "More than one a minute: look at the primaries, clocks and links."},
			{Title: "Primaries called slow", Unit: Plain, Lines: []Line{
				{"found by {{instance}}: {{judgement}}", "increase(scrip_consensus_slow_primaries_total[$__range]) > 0"},
				{"who call the present one slow", "max(scrip_consensus_primary_called_slow)"}},
				About: "One member alone: its own line. All but f: the primary was slow, and is replaced."},
			{Title: "Stable checkpoint, blocks below the height", Unit: Plain,
				About: "Grows without end if fewer than a quorum attest the same state.",
				Lines: each("scrip_consensus_height - scrip_consensus_stable_checkpoint_height")},
			{Title: "Time between blocks", Unit: Seconds, Lines: halves("scrip_consensus_block_interval_seconds", "", "", ""),
				About: "About a second when idle."},
			{Title: "Transactions in a block", Unit: Plain, Lines: halves("scrip_consensus_block_size_txs", "", "", "")},
			{Title: "Blocks", Unit: PerSecond, About: "Empty ones keep the chain's time.", Lines: []Line{
				{"all", "quantile(0.5, rate(scrip_consensus_blocks_total[$__rate_interval]))"},
				{"empty", "quantile(0.5, rate(scrip_consensus_blocks_empty_total[$__rate_interval]))"}}},
		}}, {"Members and links", []Panel{
			{Title: "Members heard", Unit: Plain, Lines: each("scrip_p2p_peers"), About: "By each node, of the others."},
			{Title: "Links that are down", Unit: Plain, About: "To this member, as the others see it.",
				Lines: []Line{{"to {{member}}", "count by (member) (scrip_p2p_link_up == 0)"}}},
			{Title: "Round trip", Unit: Seconds, About: "The slower lane, as the median node measures it.",
				Lines: []Line{{"to {{member}}", "quantile by (member) (0.5, scrip_p2p_link_round_trip_seconds)"}}},
			{Title: "Clocks", Unit: Seconds, Lines: each("abs(scrip_clock_ahead_seconds)"),
				About: "0 while a clock agrees with f+1 others' within 5 s. Set a clock that does not."},
			{Title: "Keys in two places", Unit: Plain,
				About: "1: two processes use the key of this member. Stop one at once.",
				Lines: []Line{{"member {{member}}", "max by (member) (scrip_p2p_key_contested)"}}},
			{Title: "Blocks fetched by members that were behind", Unit: PerSecond,
				Lines: each("rate(scrip_sync_blocks_served_total[$__rate_interval])")},
			{Title: "Versions", Unit: Plain, Lines: []Line{{"{{version}}", "count by (version) (scrip_build_info)"}}},
		}}},
	}
}

func tillBoard() Board {
	return Board{
		Name: "till", Title: "Scrip: till and customers",
		About: "What people at a counter notice: how long they wait, what is refused, whether tickets are left.",
		Rows: []Row{{"At the counter", []Panel{
			{Title: "From hand-in to outcome", Unit: Seconds,
				About: "A customer stands there: half a second is good, two are too many.",
				Lines: []Line{{"p50", quantile("0.5", "scrip_tx_commit_seconds", "", "")},
					{"p95", quantile("0.95", "scrip_tx_commit_seconds", "", "")},
					{"p99", quantile("0.99", "scrip_tx_commit_seconds", "", "")}}},
			{Title: "Where the time goes, p99", Unit: Seconds,
				About: "door and notify are this node's, propose and vote the members', execute the disk's, queue the load's.",
				Lines: []Line{{"{{stage}}", quantile("0.99", "scrip_tx_stage_seconds", "", "stage")}}},
			{Title: "Refused at the door", Unit: PerSecond, About: "scrip explain CODE says what each means. E108: overload.",
				Lines: []Line{{"{{code}}", rate("scrip_tx_refused_total", "", "code")}}},
			{Title: "Hand-ins by answer", Unit: PerSecond, Lines: []Line{{"{{status}}",
				rate("scrip_api_requests_total", `{route=~"POST /v1/transactions.*"}`, "status")}}},
			{Title: "Tills and wallets that listen", Unit: Plain, Lines: each("scrip_api_streams")},
			{Title: "Answers with an error of the node", Unit: Share, About: "Statuses from 500 on, of all answers.",
				Lines: []Line{{"", `(sum(rate(scrip_api_requests_total{status=~"5.."}[$__rate_interval])) or vector(0)) / ` +
					"sum(rate(scrip_api_requests_total[$__rate_interval]))"}}},
		}}, {"Ticket desk", []Panel{
			{Title: "Tickets left", Unit: Share, About: "Of the batches that are served.",
				Lines: each("scrip_desk_tickets_left / scrip_desk_tickets")},
			{Title: "Batches", Unit: Plain, About: "Failed ones wait for a disk that is well and a restart.", Lines: []Line{
				{"served by {{instance}}", "scrip_desk_batches"}, {"failed at {{instance}}", "scrip_desk_batches_failed"}}},
			{Title: "Requests by end", Unit: PerSecond,
				Lines: []Line{{"{{result}}", rate("scrip_desk_requests_total", "", "result")}}},
			{Title: "Time to a ticket", Unit: Seconds, Lines: halves("scrip_desk_ticket_seconds", "", "", "")},
			{Title: "Requests that are being answered", Unit: Plain, Lines: each("scrip_desk_requests_in_flight")},
		}}, {"Webhooks", []Panel{
			{Title: "Attempts by result", Unit: PerSecond,
				Lines: []Line{{"{{result}}", rate("scrip_hooks_attempts_total", "", "result")}}},
			{Title: "Time of an attempt", Unit: Seconds, Lines: halves("scrip_hooks_attempt_seconds", "", "", "")},
			{Title: "Deliveries that wait", Unit: Plain, Lines: each("scrip_hooks_pending")},
			{Title: "Given up", Unit: PerSecond, About: "Somebody must look: scrip hooks dead.",
				Lines: []Line{{"{{instance}}", rate("scrip_hooks_dead_total", "", "instance")}}},
			{Title: "Endpoints", Unit: Plain, Lines: []Line{{"{{state}} at {{instance}}", "scrip_hooks_endpoints"}}},
			{Title: "Height that was followed", Unit: Plain, Lines: each("scrip_hooks_height")},
			{Title: "Age of the last block", Unit: Seconds, Lines: each("scrip_hooks_block_age_seconds")},
		}}},
	}
}
