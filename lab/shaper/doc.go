// Package shaper gives each member of a network of processes a line of its own: a
// network namespace whose only way out is a program of this package, which holds
// every packet back as a line of that rate and length would, and drops what its
// queue has no room for.
//
// It is for kernels that cannot shape by themselves. Packets come from TUN devices,
// one in each namespace, and are routed in this process; TCP between the members is
// the kernel's own, with its windows, its losses and its retransmissions. Package
// transport's emulation knows frames and delays them; this one knows packets alone.
//
// It needs root and the program ip of iproute2, on Linux; Available says what is
// missing. Nothing of the machine's own network is touched but for one device and one
// route to addresses that RFC 2544 keeps for measurements (198.18.0.0/15).
package shaper
