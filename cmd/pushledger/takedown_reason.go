package main

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/projections/pushes"
)

// takedownReason is the operator's word for why a push was taken down; empty if it was not.
// It stands in the event alone.
func takedownReason(ctx context.Context, reader *client.Client, view pushes.View, minSeq uint64) (string, error) {
	if view.EndReason != push.CodeTakenDown {
		return "", nil
	}
	timeline, err := reader.Timeline(ctx, pushes.TimelineRequest{PushID: view.PushID}, minSeq)
	if err != nil {
		return "", err
	}
	for _, event := range timeline.Events {
		text, err := json.Marshal(event.Body)
		if err != nil {
			return "", err
		}
		var told struct {
			Code  string     `json:"code"`
			Cause push.Cause `json:"cause"`
		}
		if json.Unmarshal(text, &told) == nil && told.Code == push.CodeTakenDown { // other events have other causes
			return told.Cause.Reason, nil
		}
	}
	return "", nil
}
