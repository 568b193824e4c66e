package transport_test

import (
	"context"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/transport"
)

// Two members of one process exchange frames, under the contract that the network between
// machines keeps too: Send never waits, and a frame that cannot go is dropped and counted.
func ExampleMemory() {
	memory, err := transport.NewMemory([]uint16{0, 1}, transport.Limits{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	got := make(chan string)
	alice, err := memory.Join(0, func(uint16, transport.Lane, []byte) {})
	if err != nil {
		fmt.Println(err)
		return
	}
	bob, err := memory.Join(1, func(from uint16, _ transport.Lane, frame []byte) {
		got <- fmt.Sprintf("%s from %d", frame, from)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("before anybody runs:", alice.Send(1, transport.Votes, []byte("a vote")))

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	for _, e := range []*transport.Endpoint{alice, bob} {
		go func() { ended <- e.Run(ctx) }()
	}
	for !alice.Send(1, transport.Votes, []byte("a vote")) { // until both run
		time.Sleep(time.Millisecond)
	}
	fmt.Println(<-got)
	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// before anybody runs: false
	// a vote from 0
	// <nil> <nil>
}
