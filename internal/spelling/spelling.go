// Package spelling measures how far two short names are apart, for messages that
// name what was probably meant. Pure functions, safe for concurrent use.
package spelling

// Distance returns how many single bytes must be added, dropped or changed to
// make a out of b (Levenshtein). Its cost is len(a) times len(b).
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Nearest returns the name that is nearest to a wrong one, if more than half of the
// wrong one can stay; "" if none is. The first of several wins.
func Nearest(wrong string, names []string) (best string) {
	distance := len(wrong)/2 + 1
	for _, n := range names {
		if d := Distance(wrong, n); d < distance {
			best, distance = n, d
		}
	}
	return best
}
