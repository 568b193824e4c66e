package node

// generations is a bounded map from hashes that forgets old entries: a young and
// an old half, each of at most half the weight. It is not safe for concurrent
// use.
type generations[V any] struct {
	young, old map[[32]byte]V
	weight     int // of young
	half       int
}

func newGenerations[V any](weightMax int) generations[V] {
	return generations[V]{young: make(map[[32]byte]V), half: max(1, weightMax/2)}
}

func (g *generations[V]) get(key [32]byte) (V, bool) {
	if v, ok := g.young[key]; ok {
		return v, true
	}
	v, ok := g.old[key]
	return v, ok
}

// put stores v, which weighs what the caller says. If the young half is full it
// becomes the old one, and the old one is forgotten.
func (g *generations[V]) put(key [32]byte, v V, weight int) {
	if g.weight+weight > g.half && g.weight > 0 {
		g.old, g.young, g.weight = g.young, make(map[[32]byte]V, len(g.young)), 0
	}
	g.young[key] = v
	g.weight += weight
}

// drop forgets a key.
func (g *generations[V]) drop(key [32]byte) {
	delete(g.young, key)
	delete(g.old, key)
}

func (g *generations[V]) size() int { return len(g.young) + len(g.old) }
