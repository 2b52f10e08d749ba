package main

import (
	"context"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/acceptance"
)

type factsCommand struct {
	queryFlags
	Push string `arg:"" help:"Id of the push."`
}

// Run prints the facts of the domains of a push.
func (c *factsCommand) Run(ctx context.Context, screen *terminal) error {
	reader, err := c.client()
	if err != nil {
		return err
	}
	defer reader.Close()
	facts, err := reader.Facts(ctx, acceptance.FactsRequest{PushID: c.Push}, c.MinSeq)
	if err != nil {
		return err
	}
	return c.print(screen.out, facts, func(drawn table.Writer) { drawFacts(drawn, facts) })
}

func drawFacts(drawn table.Writer, facts acceptance.Facts) {
	drawn.AppendHeader(table.Row{"domain", "registered", "expires", "locks", "refused because of"})
	for _, domain := range facts.Domains {
		drawn.AppendRow(table.Row{
			domain.Domain.Both(), when(domain.RegisteredAt), when(domain.ExpiresAt), locks(domain), codes(domain.Violations),
		})
	}
	drawn.SetCaption("%s", verdict(facts))
}

// locks are all that hold a domain where it is.
func locks(domain acceptance.DomainFacts) string {
	if domain.Withheld {
		return "withheld"
	}
	held := strings.Join(domain.Locks, " ")
	if domain.AccountMoveLocked {
		held = strings.TrimSpace(push.CodeAccountMoveLocked + " " + held)
	}
	return held
}

func codes(violations []push.Violation) string {
	broken := make([]string, len(violations))
	for i, violation := range violations {
		broken[i] = violation.Code
	}
	return strings.Join(broken, " ")
}

// verdict is whether the push can be accepted, in a sentence.
func verdict(facts acceptance.Facts) string {
	switch {
	case facts.Acceptable:
		return "It can be accepted."
	case !facts.Open:
		return "It cannot be accepted: it does not wait for its buyer."
	case len(facts.Violations) > 0:
		return "It cannot be accepted: " + codes(facts.Violations) + "."
	default:
		return "It cannot be accepted: domains are not fit for it."
	}
}
