package pbfttest

import "github.com/scrip-network/scrip/pbft"

// decidedSpoilers are those of decided blocks and stable checkpoints.
func decidedSpoilers() []spoiler {
	return []spoiler{
		spoilOf("decided certificate", func(a *adversary, _ forger, m *pbft.Decided) bool {
			m.Certificates[0] = a.falseCertificate(m.Certificates[0])
			return m.Certificates[0] != nil
		}),
		spoilOf("decided payload", func(a *adversary, _ forger, m *pbft.Decided) bool {
			m.Blocks[0].Payload = append([]byte{7}, m.Blocks[0].Payload...)
			return true
		}),
		spoilOf("decided certificates exchanged", func(a *adversary, _ forger, m *pbft.Decided) bool {
			if len(m.Blocks) < 2 {
				return false
			}
			m.Certificates[0] = m.Certificates[1]
			return true
		}),
		spoilOf("stable signature", func(_ *adversary, _ forger, m *pbft.Stable) bool {
			m.Certificate.Signatures[0][5]++
			return true
		}),
		spoilOf("stable of another height", func(_ *adversary, _ forger, m *pbft.Stable) bool {
			m.Certificate.Seq++
			return true
		}),
		spoilOf("stable of a signer too few", func(a *adversary, _ forger, m *pbft.Stable) bool {
			x, y := m.Certificate, *m.Certificate
			y.Signers, y.Signatures = pbft.Signers{}, nil
			for id := pbft.ReplicaID(0); y.Signers.Count() < a.c.committee.Quorum()-1; id++ {
				if x.Signers.Has(id) {
					y.Signers.Add(id)
					y.Signatures = append(y.Signatures, x.Signatures[len(y.Signatures)])
				}
			}
			m.Certificate = &y
			return true
		}),
	}
}

// slotReportSpoilers are those of VIEW-CHANGE.
func slotReportSpoilers() []spoiler {
	report := func(name string, do func(a *adversary, m *pbft.SlotViewChange) bool) spoiler {
		return spoilOf("slot-view-change "+name, func(a *adversary, f forger, m *pbft.SlotViewChange) bool {
			ok := do(a, m)
			*m = *f.slotViewChange(*m)
			return ok
		})
	}
	return []spoiler{
		spoilOf("another's slot-view-change", func(_ *adversary, f forger, m *pbft.SlotViewChange) bool {
			return m.Replica != f.id
		}),
		spoilOf("slot-view-change signature", func(_ *adversary, f forger, m *pbft.SlotViewChange) bool {
			*m = *f.slotViewChange(*m)
			m.Signature[5]++
			return true
		}),
		report("of view 1", func(_ *adversary, m *pbft.SlotViewChange) bool {
			m.View = 1
			return true
		}),
		report("stable between checkpoints", func(a *adversary, m *pbft.SlotViewChange) bool {
			m.Stable++
			return a.c.committee.Parameters().CheckpointInterval > 1
		}),
		report("prepared below the checkpoint", func(_ *adversary, m *pbft.SlotViewChange) bool {
			if len(m.Prepared) == 0 {
				return false
			}
			m.Prepared[0].Seq = m.Stable
			return true
		}),
		report("prepared above the watermark", func(a *adversary, m *pbft.SlotViewChange) bool {
			if len(m.Prepared) == 0 {
				return false
			}
			m.Prepared[len(m.Prepared)-1].Seq = m.Stable + a.c.committee.Span() + 1
			return true
		}),
		report("prepared in its own view", func(_ *adversary, m *pbft.SlotViewChange) bool {
			if len(m.Prepared) == 0 {
				return false
			}
			m.Prepared[0].View = m.View
			return true
		}),
	}
}

// slotStartSpoilers are those of NEW-VIEW.
func slotStartSpoilers() []spoiler {
	start := func(name string, do func(a *adversary, m *pbft.SlotNewView) bool) spoiler {
		return spoilOf("slot-new-view "+name, func(a *adversary, f forger, m *pbft.SlotNewView) bool {
			if a.c.committee.Primary(m.View) != f.id {
				return false
			}
			ok := do(a, m)
			f.signSlotNewView(m)
			return ok
		})
	}
	return []spoiler{
		start("a report too few", func(_ *adversary, m *pbft.SlotNewView) bool {
			m.ViewChanges = m.ViewChanges[1:]
			return true
		}),
		start("report's signature", func(a *adversary, m *pbft.SlotNewView) bool {
			m.ViewChanges[a.rng.IntN(len(m.ViewChanges))].Signature[5]++
			return true
		}),
		start("reports in another order", func(_ *adversary, m *pbft.SlotNewView) bool {
			m.ViewChanges[0], m.ViewChanges[1] = m.ViewChanges[1], m.ViewChanges[0]
			return true
		}),
		start("another digest", func(a *adversary, m *pbft.SlotNewView) bool {
			if len(m.Slots) == 0 {
				return false
			}
			m.Slots[a.rng.IntN(len(m.Slots))].Digest[5]++
			return true
		}),
		start("a proof too few", func(_ *adversary, m *pbft.SlotNewView) bool {
			if len(m.Proofs) == 0 {
				return false
			}
			m.Proofs = m.Proofs[1:]
			return true
		}),
		start("without its checkpoint", func(_ *adversary, m *pbft.SlotNewView) bool {
			ok := m.Checkpoint != nil
			m.Checkpoint = nil
			return ok
		}),
		spoilOf("slot-new-view signature", func(_ *adversary, _ forger, m *pbft.SlotNewView) bool {
			m.Signature[5]++
			return true
		}),
	}
}
