package dot

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestAppendInt compares numbers of all lengths with what strconv makes of them,
// with room for them and without.
func TestAppendInt(t *testing.T) {
	numbers := []int64{0, -1, math.MinInt64, math.MaxInt64}
	for p := int64(1); p > 0 && p <= math.MaxInt64/10; p *= 10 {
		numbers = append(numbers, p-1, p, p+1, 10*p-1, -p)
	}
	for range 10_000 {
		numbers = append(numbers, rand.Int64()>>rand.IntN(63))
	}
	for _, n := range numbers {
		want := "x" + strconv.FormatInt(n, 10)
		for _, room := range []int{1, 8, len(want), 64} {
			if got := string(appendInt(append(make([]byte, 0, room), 'x'), n)); got != want {
				t.Errorf("room for %d: got %q, want %q", room, got, want)
			}
		}
	}
}
