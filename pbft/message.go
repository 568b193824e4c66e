package pbft

import "github.com/scrip-network/scrip/pbft/wire"

// Kind tells messages apart on the wire.
type Kind uint8

// The kinds of messages.
const (
	KindPrePrepare Kind = 1 + iota
	KindPrepare
	KindCommit
	KindCheckpoint
	KindSuspect
	KindViewChange
	KindNewView
	KindStatus
	KindFetch
	KindBlocks
	KindProof
	KindRecall
	KindRecollection
	// Of the original protocol only.
	KindSlotViewChange
	KindSlotNewView
	KindDecided
	KindStable
	// Of the dual-path protocol only.
	KindLinked
	// Forms that came later: of PRE-PREPARE and FETCH, and, of the dual-path protocol
	// only, what asks for a certificate.
	KindRecipe
	KindPull
	KindFetchRecipe

	// KindEpochProof brings the proof that an epoch has ended; KindMarks is of the log's
	// guard. The numbers between are kept free.
	KindEpochProof Kind = 32
	KindMarks      Kind = 33

	// KindLast is the last kind.
	KindLast = KindMarks
)

// String returns the name of the kind.
func (k Kind) String() string {
	names := [...]string{KindEpochProof: "epoch-proof", KindMarks: "marks", 0: "?",
		"pre-prepare", "prepare", "commit", "checkpoint", "suspect", "view-change", "new-view", "status",
		"fetch", "blocks", "proof", "recall", "recollection", "slot-view-change", "slot-new-view", "decided",
		"stable", "linked", "recipe", "pull", "fetch-recipe"}
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return names[0]
}

// Known reports whether there are messages of the kind.
func (k Kind) Known() bool { return k != 0 && k.String() != Kind(0).String() }

// Message is one of the message structs of this package. Messages are immutable
// once sent or received, and slices in a decoded message alias its bytes.
type Message interface {
	// Kind returns the kind of the message.
	Kind() Kind
	append(b []byte) []byte
}

// SignedHeader is a header with its primary's signature.
type SignedHeader struct {
	Header    Header
	Signature Signature
}

// Block is a signed header with its payload.
type Block struct {
	SignedHeader
	// Payload is opaque to engines. nil in a Block that carries only a header
	// is told from empty by Header.PayloadBytes.
	Payload []byte
}

// RecipeBytesMax bounds a recipe: 1,024 ranges with a mask each, 131,072 names in all,
// and what is in none.
const RecipeBytesMax = 128 << 10

// PrePrepare proposes a block (R1), with its payload or with a recipe. Certificate
// proves the block that Header.Justify names (nil if that is the genesis, or if it is
// left out: E1), and Entry proves the view if this is its first block and it was entered
// by a NEW-VIEW.
type PrePrepare struct {
	Block
	// Recipe, if it is not empty, stands in the place of the payload, which is nil then:
	// the receiver's driver makes the payload from it. Engines do not read it, and nobody
	// signs it. At most RecipeBytesMax.
	Recipe      []byte
	Certificate *Certificate
	Entry       *NewView
}

// Vote is the common part of PREPARE and COMMIT. The signature covers epoch and
// block; the signer is known by the key.
type Vote struct {
	Epoch     Epoch
	Block     BlockRef
	Replica   ReplicaID
	Signature Signature
}

// Prepare is the first vote for a block (R2).
type Prepare struct{ Vote }

// Commit is the second vote, after a prepared certificate (R3).
type Commit struct{ Vote }

// Checkpoint attests that a replica executed a block (R5, ATTEST).
type Checkpoint struct {
	Epoch       Epoch
	Seq         Seq
	Block       Digest
	StateRoot   Digest
	ReceiptRoot Digest
	Replica     ReplicaID
	Signature   Signature
}

// SuspectReason says why a replica wants to leave a view (R6).
type SuspectReason uint8

// Reasons of a SUSPECT.
const (
	SuspectTimeout SuspectReason = 1 + iota
	SuspectSlow
	SuspectEvidence
)

// Suspect asks for the next view (R6). Evidence, two different headers of one
// position signed by the primary of View, comes with reason SuspectEvidence.
type Suspect struct {
	Epoch     Epoch
	View      View
	Reason    SuspectReason
	Committed Seq
	Replica   ReplicaID
	Signature Signature
	Evidence  []SignedHeader
}

// ViewChange reports what a replica has seen to the primary of a later view
// (R7). The signature covers the fields up to Replica; Certificate (of High, nil
// for the genesis) and Walk are attachments: the signed headers from the tip
// down to just above High, highest first.
type ViewChange struct {
	Epoch Epoch
	View  View
	High  BlockRef
	// Tip is the last block of view High.View that the replica prepared; the
	// zero BlockRef if none.
	Tip         BlockRef
	Committed   Seq
	Replica     ReplicaID
	Signature   Signature
	Certificate *Certificate
	Walk        []SignedHeader
}

// HasTip reports whether the replica reported a tip.
func (v *ViewChange) HasTip() bool { return v.Tip != BlockRef{} }

// NewView starts a view on the base that Select gives (R8, R9). ViewChanges are
// exactly m, without attachments, ascending by replica; Certificate proves the
// highest High in them (nil for the genesis); Headers are the walks of their
// tips, shared, in strictly ascending order of (Seq, digest); Evidence is empty
// or two conflicting headers of the excluded primary.
type NewView struct {
	Epoch       Epoch
	View        View
	ViewChanges []ViewChange
	Certificate *Certificate
	Headers     []SignedHeader
	Evidence    []SignedHeader
	Base        BlockRef
	Signature   Signature
}

// Status tells a peer where a replica stands (section 6). It is unsigned: the channel
// authenticates it, and nothing in it is believed without a proof.
type Status struct {
	Epoch       Epoch
	View        View
	ViewChanged View
	Committed   BlockRef
	Executed    Seq
	High        Rank
	Replica     ReplicaID
}

// Fetch asks for the block with a digest at Seq and its ancestors above After,
// at most as many as fit one answer.
type Fetch struct {
	Epoch  Epoch
	Seq    Seq
	Digest Digest
	After  Seq
	// RecipeFirst says that a PRE-PREPARE with a recipe is as good; who has none answers
	// as ever.
	RecipeFirst bool
}

// Pull asks for the certificate that a PRE-PREPARE of Block came without (E2): of
// Justify, or of a block of its view between the two. It is answered by a Proof.
type Pull struct {
	Epoch   Epoch
	Justify BlockRef
	Block   Digest
}

// Blocks answers a Fetch or a STATUS: hash-linked blocks in ascending order and,
// for committed ones, the commit certificate of the last.
type Blocks struct {
	Epoch       Epoch
	Blocks      []Block
	Certificate *Certificate
}

// Linked answers a Fetch with committed blocks of which none has a commit
// certificate of its own: hash-linked in ascending order, and the headers that
// follow them up to the one that the certificate commits.
type Linked struct {
	Epoch       Epoch
	Blocks      []Block
	Headers     []Header // at most LinksMax; at least one of each
	Certificate *Certificate
}

// Proof brings a certificate to a peer that lacks it, with its header if known.
type Proof struct {
	Certificate *Certificate
	Header      *SignedHeader
}

// Recall asks a peer, after a restart, for the newest messages signed by the
// asker that the peer holds (section 11, restart).
type Recall struct {
	Epoch Epoch
	// Nonce comes back in the answer. RecallCommits is set in it by those who can
	// read answers with COMMITs, and with votes of single sequence numbers; RecallMarks
	// by those who can read MARKS, and answers with a mark.
	Nonce uint64
}

// RecallCommits is the bit of a Recall's nonce that asks for COMMITs too. Programs
// that do not know them never set it, and are answered without.
const RecallCommits = 1 << 63

// RecallMarks is the bit of a Recall's nonce that asks for the asker's mark too.
// Programs that do not know marks never set it, and are sent none.
const RecallMarks = 1 << 62

// Recollection answers a Recall with what the peer holds: the asker's PREPARE and
// COMMIT of the highest rank, its VIEW-CHANGE of the highest view (without
// attachments; of the form that the committee's protocol has), and its proposal of
// the highest rank. Each may be nil. Under the original protocol, which votes on
// each sequence number by itself, Prepares and Commits are all that the peer holds
// above its stable checkpoint: at most SlotsMax each. Mark is the greatest mark of the
// asker's key: it travels with the votes, so that no answer counts without it.
type Recollection struct {
	Epoch          Epoch
	Nonce          uint64
	Prepare        *Prepare
	ViewChange     *ViewChange
	Proposal       *SignedHeader
	SlotViewChange *SlotViewChange
	Commit         *Commit
	Prepares       []Prepare
	Commits        []Commit
	Mark           *SignedMark
}

// Kind implements Message.
func (m *PrePrepare) Kind() Kind {
	if len(m.Recipe) > 0 {
		return KindRecipe
	}
	return KindPrePrepare
}

// Kind implements Message.
func (*Prepare) Kind() Kind { return KindPrepare }

// Kind implements Message.
func (*Commit) Kind() Kind { return KindCommit }

// Kind implements Message.
func (*Checkpoint) Kind() Kind { return KindCheckpoint }

// Kind implements Message.
func (*Suspect) Kind() Kind { return KindSuspect }

// Kind implements Message.
func (*ViewChange) Kind() Kind { return KindViewChange }

// Kind implements Message.
func (*NewView) Kind() Kind { return KindNewView }

// Kind implements Message.
func (*Status) Kind() Kind { return KindStatus }

// Kind implements Message.
func (m *Fetch) Kind() Kind {
	if m.RecipeFirst {
		return KindFetchRecipe
	}
	return KindFetch
}

// Kind implements Message.
func (*Pull) Kind() Kind { return KindPull }

// Kind implements Message.
func (*Blocks) Kind() Kind { return KindBlocks }

// Kind implements Message.
func (*Linked) Kind() Kind { return KindLinked }

// Kind implements Message.
func (*Proof) Kind() Kind { return KindProof }

// Kind implements Message.
func (*Recall) Kind() Kind { return KindRecall }

// Kind implements Message.
func (*Recollection) Kind() Kind { return KindRecollection }

// voteBytes is what a PREPARE or COMMIT signs, by its tag.
func (c *Committee) voteBytes(tag string, block BlockRef) []byte {
	b := make([]byte, 0, 4+48)
	b = wire.AppendUint32(b, uint32(c.epoch))
	return c.signedBytes(tag, appendRef(b, block))
}

// PrepareBytes returns what a PREPARE for the block signs.
func (c *Committee) PrepareBytes(block BlockRef) []byte { return c.voteBytes(tagPrepare, block) }

// CommitBytes returns what a COMMIT for the block signs.
func (c *Committee) CommitBytes(block BlockRef) []byte { return c.voteBytes(tagCommit, block) }

// HeaderBytesToSign returns what the primary signs over its header.
func (c *Committee) HeaderBytesToSign(h *Header) []byte {
	return c.signedBytes(tagPrePrepare, h.Bytes())
}

// SuspectBytes returns what a SUSPECT signs.
func (c *Committee) SuspectBytes(s *Suspect) []byte {
	b := wire.AppendUint32(nil, uint32(s.Epoch))
	b = wire.AppendUint64(b, uint64(s.View))
	b = wire.AppendUint8(b, uint8(s.Reason))
	return c.signedBytes(tagSuspect, wire.AppendUint64(b, uint64(s.Committed)))
}

// ViewChangeBytes returns what a VIEW-CHANGE signs: its core without attachments.
func (c *Committee) ViewChangeBytes(v *ViewChange) []byte {
	return c.signedBytes(tagViewChange, v.appendCore(nil))
}

// NewViewBytes returns what the primary signs over a NEW-VIEW: the view, the
// signed VIEW-CHANGEs, the evidence and the base (section 11, view entry).
func (c *Committee) NewViewBytes(v *NewView) []byte {
	b := wire.AppendUint32(nil, uint32(v.Epoch))
	b = wire.AppendUint64(b, uint64(v.View))
	b = appendCores(b, v.ViewChanges)
	b = appendHeaders(b, v.Evidence)
	return c.signedBytes(tagNewView, appendRef(b, v.Base))
}
