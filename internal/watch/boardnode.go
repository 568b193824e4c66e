package watch

func nodeBoard() Board {
	return Board{
		Name: "node", Title: "Scrip: node", PerNode: true,
		About: "One node from the inside: where its time, memory and disk go, and what it refuses.",
		Rows:  []Row{workRow(), poolRow(), peersRow(), doorRow(), processRow()},
	}
}

func workRow() Row {
	return Row{"Work", []Panel{
		{Title: "Steps, p99", Unit: Seconds, About: "persist above 50 ms: the disk is too slow for a validator.",
			Lines: []Line{{"{{step}}", quantile("0.99", "scrip_consensus_step_duration_seconds", one, "step")}}},
		{Title: "Share of the time in a step", Unit: Share,
			About: "receive, persist and send are one goroutine's: its sum below 1.",
			Lines: []Line{{"{{step}}", rate("scrip_consensus_step_duration_seconds_sum", one, "step")}}},
		{Title: "Own clients' transactions by stage, p99", Unit: Seconds,
			Lines: []Line{{"{{stage}}", quantile("0.99", "scrip_tx_stage_seconds", one, "stage")}}},
		{Title: "Consensus log", Unit: Bytes, Lines: []Line{{"log", "scrip_consensus_log_bytes" + one}},
			About: "Grows to limits.log_bytes and is compacted."},
		{Title: "Compactions of the log", Unit: PerSecond,
			Lines: []Line{{"", "rate(scrip_consensus_log_compactions_total" + one + "[$__rate_interval])"}}},
		{Title: "Kept by consensus", Unit: Bytes, Lines: []Line{{"", "scrip_consensus_kept_bytes" + one}},
			About: "Blocks and votes in memory; docs/memory.md has the bound."},
	}}
}

func poolRow() Row {
	return Row{"Mempool and signatures", []Panel{
		{Title: "Transactions that wait", Unit: Plain, Lines: []Line{{"", "scrip_mempool_size" + one}}},
		{Title: "Bytes that wait", Unit: Bytes, Lines: []Line{{"", "scrip_mempool_size_bytes" + one}}},
		{Title: "Signatures that wait to be checked", Unit: Plain, Lines: []Line{{"", "scrip_tx_signatures_waiting" + one}},
			About: "At 32,768 the door refuses."},
		{Title: "Transactions checked", Unit: PerSecond,
			About: "Known ones were checked when they came by gossip.", Lines: []Line{
				{"known", "deriv(scrip_tx_verdict_hits" + one + "[$__rate_interval])"},
				{"anew", "deriv(scrip_tx_verdict_misses" + one + "[$__rate_interval])"}}},
		{Title: "Gossip", Unit: PerSecond, Lines: []Line{
			{"sent", "rate(scrip_mempool_gossip_sent_total" + one + "[$__rate_interval])"},
			{"dropped", "rate(scrip_mempool_gossip_dropped_total" + one + "[$__rate_interval])"}}},
	}}
}

func peersRow() Row {
	return Row{"Other members", []Panel{
		{Title: "Links", Unit: Plain, About: "1 is up. Two to each member: votes and bulk.",
			Lines: []Line{{"{{member}} {{lane}}", "scrip_p2p_link_up" + one}}},
		{Title: "Round trip", Unit: Seconds,
			Lines: []Line{{"{{member}} {{lane}}", "scrip_p2p_link_round_trip_seconds" + one}}},
		{Title: "Messages by what became of them", Unit: PerSecond,
			About: "sender and invalid-… come of a member that misbehaves.",
			Lines: []Line{{"{{reason}}", rate("scrip_consensus_messages_total", one, "reason")}}},
		{Title: "Sent by kind", Unit: BytesRate,
			Lines: []Line{{"{{message_type}}", rate("scrip_p2p_message_send_bytes_total", one, "message_type")}}},
		{Title: "Dropped", Unit: PerSecond, About: "Answers: a member asked for more than its budget.", Lines: []Line{
			{"frames", "rate(scrip_p2p_frames_dropped_total" + one + "[$__rate_interval])"},
			{"answers", "rate(scrip_p2p_answers_dropped_total" + one + "[$__rate_interval])"},
			{"members muted", "rate(scrip_p2p_peers_muted_total" + one + "[$__rate_interval])"}}},
		{Title: "Connections that ended", Unit: PerSecond,
			Lines: []Line{{"{{reason}}", rate("scrip_p2p_connections_ended_total", one, "reason")}}},
	}}
}

func doorRow() Row {
	return Row{"HTTP", []Panel{
		{Title: "Requests by status", Unit: PerSecond,
			Lines: []Line{{"{{status}}", rate("scrip_api_requests_total", one, "status")}}},
		{Title: "Time to an answer by route, p99", Unit: Seconds, About: "Those that wait for a height or outcome wait.",
			Lines: []Line{{"{{route}}", quantile("0.99", "scrip_api_request_seconds", one, "route")}}},
		{Title: "Open", Unit: Plain, Lines: []Line{{"connections", "scrip_api_connections" + one},
			{"event streams", "scrip_api_streams" + one}}},
		{Title: "Connections refused", Unit: PerSecond,
			About: "Closed: too many were open. Failed: no descriptor was left.",
			Lines: []Line{{"closed", "rate(scrip_api_connections_closed_total" + one + "[$__rate_interval])"},
				{"failed", "rate(scrip_api_accept_errors_total" + one + "[$__rate_interval])"}}},
		{Title: "Traces", Unit: PerSecond, About: "Only with trace.endpoint. Failed: the collector did not take them.",
			Lines: []Line{{"{{result}}", rate("scrip_trace_requests_total", one, "result")}}},
		{Title: "Rows read for lists", Unit: PerSecond,
			Lines: []Line{{"", "rate(scrip_api_list_rows_total" + one + "[$__rate_interval])"}}},
	}}
}

func processRow() Row {
	return Row{"Process and machine", []Panel{
		{Title: "Processors in use", Unit: Plain, Lines: []Line{
			{"used", "rate(process_cpu_seconds_total" + one + "[$__rate_interval])"},
			{"may be used", "go_sched_gomaxprocs_threads" + one}}},
		{Title: "Memory", Unit: Bytes, About: "docs/operations.md, section 10, says what to plan.", Lines: []Line{
			{"resident", "process_resident_memory_bytes" + one}, {"heap", "go_memstats_heap_inuse_bytes" + one}}},
		{Title: "Disk that is free", Unit: Bytes, Lines: []Line{{"", "scrip_disk_free_bytes" + one}},
			About: "Of the disk with the data. The ledger grows for the life of the chain."},
		{Title: "Files and connections", Unit: Plain, Lines: []Line{{"open", "process_open_fds" + one},
			{"may be open", "process_max_fds" + one}}},
		{Title: "Goroutines", Unit: Plain, Lines: []Line{{"", "go_goroutines" + one}},
			About: "Grows with connections, and otherwise not."},
		{Title: "Waits for a processor, p99", Unit: Seconds,
			About: "Above some milliseconds the machine has too much to do.",
			Lines: []Line{{"", quantile("0.99", "go_sched_latencies_seconds", one, "")}}},
		{Title: "Collections of garbage", Unit: PerSecond,
			Lines: []Line{{"", "rate(go_gc_duration_seconds_count" + one + "[$__rate_interval])"}}},
		{Title: "Up since", Unit: Seconds, About: "Seconds since the process began.",
			Lines: []Line{{"", "time() - process_start_time_seconds" + one}}},
	}}
}
