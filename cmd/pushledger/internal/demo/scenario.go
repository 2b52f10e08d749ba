// Package demo plays scenarios from a file against a running sandbox, through the same
// doors as everybody else, and compares how each one ended with what the file expects:
// the push, the payment provider's own books and the registrar's own records.
package demo

import (
	"bufio"
	"fmt"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Scenario is one line of the file.
type Scenario struct {
	Name   string         `json:"name"`
	Seller string         `json:"seller"`
	Offer  jsontext.Value `json:"offer"` // the body of the offer, sent as it is
	Then   []Action       `json:"then"`
	Expect Expectation    `json:"expect"`
}

// Action is something that is done after the offer.
type Action struct {
	Do      string `json:"do"` // one of the actions in actions.go
	Channel string `json:"channel"`
	Notify  string `json:"notify"`
	Amount  string `json:"amount"`
	Reason  string `json:"reason"`
	Kind    string `json:"kind"`
	Domain  string `json:"domain"`
	Op      string `json:"op"`
	API     string `json:"api"`
	Mode    string `json:"mode"`
	Times   int    `json:"times"`
	Status  string `json:"status"` // to wait for

	Registrant string         `json:"registrant"` // of accept
	Account    string         `json:"account"`    // of registrar_act
	Act        string         `json:"act"`
	To         string         `json:"to"`
	Facts      jsontext.Value `json:"facts"`      // of registrar_set and account_set, all that is to change
	Decision   string         `json:"decision"`   // of settle
	Acceptable bool           `json:"acceptable"` // of facts: what the buyer is told
	// Refused is the code with which an accept or registrar_act must be refused; empty: it must not be.
	Refused string `json:"refused"`
}

// Expectation is how a scenario must end.
type Expectation struct {
	Status    string `json:"status"`     // of the push
	Refused   string `json:"refused"`    // or the code with which the offer is refused
	EndReason string `json:"end_reason"` // empty: not compared
	Money     string `json:"money"`      // seller, buyer or none
	Domains   string `json:"domains"`    // seller, buyer or elsewhere
}

// offer is what a scenario's own offer says, as far as the demo needs to know.
type offer struct {
	PushID string `json:"push_id"`
	Buyer  string `json:"buyer"`
	Items  []struct {
		Domain string `json:"domain"`
	} `json:"items"`
}

const maxLine = 1 << 20

// Load reads scenarios, one JSON object a line.
func Load(path string) ([]Scenario, error) {
	file, err := os.Open(path) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	var scenarios []Scenario
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for number := 1; lines.Scan(); number++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var scenario Scenario
		if err := json.Unmarshal(lines.Bytes(), &scenario, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("demo: %s line %d: %w", path, number, err)
		}
		scenarios = append(scenarios, scenario)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("demo: %s: %w", path, err)
	}
	return scenarios, nil
}
