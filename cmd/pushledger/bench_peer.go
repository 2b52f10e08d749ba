package main

import (
	"context"
	"os"

	"github.com/pushledger/pushledger/cmd/pushledger/internal/bench"
)

// benchPeerCommand is how bench starts this program to be one of its peers.
type benchPeerCommand struct{}

// Run serves until standard input ends.
func (benchPeerCommand) Run(ctx context.Context, screen *terminal) error {
	return bench.ServePeer(ctx, os.Stdin, screen.out)
}
