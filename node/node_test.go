package node

import (
	"fmt"
	"testing"
)

func TestMembersCommitWhatClientsSubmit(t *testing.T) {
	c := newCluster(t, 4, true, nil)
	c.startAll()
	for i := range 20 {
		m := c.members[i%4]
		o, err := m.submit(fmt.Sprintf("tx %d", i), Proved)
		if err != nil {
			for _, m := range c.members {
				t.Logf("%d %+v", m.id, m.node.Status())
			}
			t.Fatal(err)
		}
		if err := o.Proof.Verify(c.committee, scheme{m.node.cfg.Verifier}); err != nil {
			t.Fatal(err)
		}
		if o.Receipt[32] != receiptOK {
			t.Fatalf("tx %d: receipt %x", i, o.Receipt)
		}
	}
	c.agree(c.members[0].node.Status().Height, 0, 1, 2, 3)
}
