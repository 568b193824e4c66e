package desim

import "fmt"

// Links is the network between the members.
type Links struct {
	// Name is how figures call it, e.g. "city".
	Name string
	// DelayUs is the one-way delay in microseconds, [from][to]; nil = none.
	DelayUs [][]int64
	// JitterUs is added to each frame's delay, uniformly from 0 to JitterUs. Frames
	// of one connection stay in order.
	JitterUs int64
	// EgressBytesPerSecond and IngressBytesPerSecond bound what each member sends
	// and receives; 0 = no bound.
	EgressBytesPerSecond, IngressBytesPerSecond int64
	// LossPerMillion is the share of packets lost. TCP sends them again, after two
	// round trips, so that a loss delays its frame and those behind it.
	LossPerMillion int64
}

// delayUsMax bounds a one-way delay: a minute.
const delayUsMax = 60_000_000

func (l *Links) check(n int) error {
	if l.JitterUs < 0 || l.EgressBytesPerSecond < 0 || l.IngressBytesPerSecond < 0 || l.LossPerMillion < 0 ||
		l.LossPerMillion >= 1_000_000 || l.JitterUs > delayUsMax {
		return fmt.Errorf("%w: links out of range", ErrConfig)
	}
	if l.DelayUs == nil {
		return nil
	}
	if len(l.DelayUs) != n {
		return fmt.Errorf("%w: delays of %d members, there are %d", ErrConfig, len(l.DelayUs), n)
	}
	for i, row := range l.DelayUs {
		if len(row) != n {
			return fmt.Errorf("%w: delays from member %d to %d members, there are %d", ErrConfig, i, len(row), n)
		}
		for j, d := range row {
			if d < 0 || d > delayUsMax {
				return fmt.Errorf("%w: a delay of %d us from member %d to %d", ErrConfig, d, i, j)
			}
		}
	}
	return nil
}

// Uniform returns links of n members with one delay between any two.
func Uniform(n int, oneWayUs int64) Links {
	return Links{Name: "uniform", DelayUs: matrix(n, func(i, j int) int64 { return oneWayUs })}
}

// City returns links of n members in ten data centres of one city: 0.2 to about
// 0.8 ms one way, and 0.05 ms within one.
func City(n int) Links {
	l := between(n, []site{{0, 0}, {12, 5}, {25, 18}, {7, 30}, {33, 4}, {18, 40}, {40, 26}, {3, 16}, {28, 35},
		{45, 10}}, 150)
	l.Name, l.JitterUs = "city", 100
	return l
}

// Country returns links of n members in ten cities of a country that is about
// 1,600 km wide: up to about 14 ms one way.
func Country(n int) Links {
	l := between(n, []site{{0, 0}, {310, 90}, {1180, 240}, {760, 640}, {1530, 520}, {240, 830}, {980, 930}, {1420, 1010},
		{560, 330}, {60, 450}}, 500)
	l.Name, l.JitterUs = "country", 1000
	return l
}

// site is a place in kilometres.
type site struct{ x, y int64 }

// sameSiteUs is the delay between two members of one site.
const sameSiteUs = 50

// between returns links of members that are placed on sites in turn. Light takes
// 5 us a kilometre in fibre, cables are 1.6 times as long as the straight line,
// and equipment on the way adds equipmentUs.
func between(n int, sites []site, equipmentUs int64) Links {
	return Links{DelayUs: matrix(n, func(i, j int) int64 {
		a, b := sites[i%len(sites)], sites[j%len(sites)]
		if a == b {
			return sameSiteUs
		}
		return equipmentUs + 8*root((a.x-b.x)*(a.x-b.x)+(a.y-b.y)*(a.y-b.y))
	})}
}

// root is the integer square root.
func root(v int64) int64 {
	r := int64(0)
	for bit := int64(1) << 30; bit > 0; bit >>= 1 {
		if t := r + bit; t*t <= v {
			r = t
		}
	}
	return r
}

func matrix(n int, delayUs func(i, j int) int64) [][]int64 {
	m := make([][]int64, n)
	for i := range m {
		m[i] = make([]int64, n)
		for j := range m[i] {
			if i != j {
				m[i][j] = delayUs(i, j)
			}
		}
	}
	return m
}
