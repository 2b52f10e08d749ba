package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/aggregates/words"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/client"
	"github.com/pushledger/pushledger/cmd/pushledger/internal/offers"
)

// What became of a row.
const (
	rowOffered = "offered"
	rowDone    = "already done" // by an earlier run
	rowRefused = "refused"
	rowBad     = "bad"     // it cannot be sent, and neither was any other
	rowUnknown = "unknown" // sent and not answered
	rowNotSent = "not sent"
)

var rowKinds = []string{rowOffered, rowDone, rowRefused, rowBad, rowUnknown, rowNotSent}

// rowResult is what became of one row, as -o json prints it on one line.
type rowResult struct {
	Line      int             `json:"line"`
	PushID    string          `json:"push_id,omitzero"`
	Domain    domainname.Name `json:"domain,omitzero"`
	Result    string          `json:"result"`
	Status    push.Status     `json:"status,omitzero"`
	Seq       uint64          `json:"seq,omitzero"`
	CommandID string          `json:"command_id,omitzero"`
	Error     *push.Refusal   `json:"error,omitzero"`
}

// results prints a line for each row and counts them.
type results struct {
	out    io.Writer
	json   bool
	counts map[string]int
}

// add prints the rows of an offer that was sent.
func (r results) add(offer offers.Offer, reply client.Reply, err error) error {
	var refused *push.Refusal
	errors.As(err, &refused)
	for i, line := range offer.Rows {
		result := rowResult{
			Line: line, PushID: cmp.Or(reply.PushID, offer.PushID), Domain: offer.Items[i].Domain, Result: rowUnknown, CommandID: reply.CommandID,
		}
		switch {
		case err == nil:
			result.Result, result.Status, result.Seq = rowOffered, reply.Status, reply.Seq
			if reply.Repeated {
				result.Result = rowDone
			}
		case answered(err):
			result.Result, result.Error = rowRefused, ofDomain(refused, result.Domain)
		case refused != nil:
			result.Error = refused // no room for it, again and again
		}
		if err := r.print(result); err != nil {
			return err
		}
	}
	return nil
}

// ofDomain is what a refusal says of one domain and of the push as a whole. A domain with
// which nothing is wrong gets the code with which its push was refused.
func ofDomain(refused *push.Refusal, domain domainname.Name) *push.Refusal {
	own := slices.DeleteFunc(slices.Clone(refused.Violations), func(violation push.Violation) bool {
		return violation.Domain != "" && violation.Domain != string(domain)
	})
	if len(own) > 0 {
		return push.RefuseAll(own)
	}
	return &push.Refusal{Code: refused.Code, Message: refused.Message, MessageZH: refused.MessageZH}
}

// bad prints what cannot be sent of a file, and returns it as wrong usage.
func (r results) bad(path string, err error) error {
	var rows *offers.BadRows
	if !errors.As(err, &rows) {
		return fmt.Errorf("%w: %s: %w", errUsage, path, err)
	}
	for _, row := range rows.Rows {
		if !r.json {
			break // the error says it
		}
		result := rowResult{Line: row.Line, Result: rowBad, Error: &push.Refusal{Code: row.Code, Message: row.Reason}}
		if err := r.print(result); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %s: nothing was sent: %w", errUsage, path, rows)
}

func (r results) notSent(list []offers.Offer) error {
	for _, offer := range list {
		for i, line := range offer.Rows {
			if err := r.print(rowResult{Line: line, PushID: offer.PushID, Domain: offer.Items[i].Domain, Result: rowNotSent}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r results) print(result rowResult) error {
	r.counts[result.Result]++
	if r.json {
		text, err := json.Marshal(result, json.Deterministic(true))
		if err == nil {
			_, err = fmt.Fprintf(r.out, "%s\n", text)
		}
		return err
	}
	said := result.Result
	switch {
	case result.Result == rowOffered:
		said = both(words.Status(result.Status))
	case result.Result == rowDone:
		said += " (" + both(words.Status(result.Status)) + ")"
	case result.Error != nil:
		said += "\t" + result.Error.Code + ": " + result.Error.Message
	}
	_, err := fmt.Fprintf(r.out, "line %d\t%s\t%s\t%s\n", result.Line, cmp.Or(result.PushID, "-"), result.Domain.Unicode(), plain(said))
	return err
}

// sum prints how many rows became what: on the terminal below the rows, beside JSON where it
// is not taken for a row.
func (r results) sum(screen *terminal) error {
	total := 0
	var parts []string
	for _, kind := range rowKinds {
		if count := r.counts[kind]; count > 0 {
			total += count
			parts = append(parts, fmt.Sprintf("%d %s", count, kind))
		}
	}
	out := screen.out
	if r.json {
		out = screen.err
	}
	_, err := fmt.Fprintf(out, "%d rows: %s\n", total, strings.Join(parts, ", "))
	return err
}
