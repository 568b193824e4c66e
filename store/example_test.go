package store_test

import (
	"fmt"

	"github.com/scrip-network/scrip/store"
)

// A replica's promises go into its consensus log before it speaks. What Append
// acknowledged is there after a crash; one key of one chain has one log.
func Example() {
	disk := store.NewMem() // or store.OS{}
	id := store.LogID{Chain: [32]byte{1}, Key: [32]byte{2}}
	log, err := store.CreateLog(disk, "log", id)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, promise := range []string{"I prepare block 1", "I prepare block 2"} {
		if err := log.Append([]byte(promise)); err != nil { // synced when it returns
			fmt.Println("say nothing, and stop:", err)
			return
		}
	}
	fmt.Println(log.Close())

	if log, err = store.OpenLog(disk, "log", id); err != nil {
		fmt.Println("never sign again:", err)
		return
	}
	err = log.Frames(func(frame []byte) error {
		fmt.Println(string(frame))
		return nil
	})
	fmt.Println(err, log.Close())
	// Output:
	// <nil>
	// I prepare block 1
	// I prepare block 2
	// <nil> <nil>
}
