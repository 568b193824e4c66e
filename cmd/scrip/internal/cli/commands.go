package cli

import "github.com/spf13/cobra"

// Groups of commands in the help text.
const (
	groupStart   = "start"
	groupMember  = "member"
	groupCoupons = "coupons"
	groupLedger  = "ledger"
	groupTools   = "tools"
)

var groups = []struct{ id, title string }{
	{groupStart, "Start here:"},
	{groupMember, "Run a member's node:"},
	{groupCoupons, "Use coupons:"},
	{groupLedger, "Look and check:"},
	{groupTools, "Measure and more:"},
}

// commands are all commands, in the order of the help text.
var commands = []struct {
	group string
	make  func(a *App) *cobra.Command
}{
	{groupStart, newDemoCommand},
	{groupMember, newInitCommand},
	{groupMember, newGenesisCommand},
	{groupMember, newNodeCommand},
	{groupMember, newConfigCommand},
	{groupMember, newDoctorCommand},
	{groupMember, newHealthCommand},
	{groupMember, newTopCommand},
	{groupMember, newKeyCommand},
	{groupMember, newDeskCommand},
	{groupMember, newBackupCommand},
	{groupMember, newRestoreCommand},
	{groupMember, newHooksCommand},
	{groupMember, newIndexCommand},
	{groupCoupons, newCampaignCommand},
	{groupCoupons, newTicketCommand},
	{groupCoupons, newTillCommand},
	{groupCoupons, newMemberCommand},
	{groupCoupons, newWalletCommand},
	{groupCoupons, newCouponCommand},
	{groupCoupons, newRedeemCommand},
	{groupCoupons, newVoidCommand},
	{groupLedger, newVerifyCommand},
	{groupLedger, newTxCommand},
	{groupLedger, newBlockCommand},
	{groupLedger, newEventsCommand},
	{groupLedger, newLedgerCommand},
	{groupLedger, newExplainCommand},
	{groupTools, newListenCommand},
	{groupTools, newTriggerCommand},
	{groupTools, newBenchCommand},
	{groupTools, newSimCommand},
	{groupTools, newVersionCommand},
}
