package simulation

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// kind is what happens in an operation.
type kind int

const (
	offer kind = iota
	accept
	pay
	withdraw
	decline
	takedown
	work    // a process does what is due
	tick    // time passes
	notify  // a notification of the provider arrives
	happen  // others do something to a domain
	hear    // an event of the registrar arrives
	land    // a late order arrives, or a pending one is decided
	restart // a process is started anew
	skew    // the clock of a process is set
	bind    // an account binds or unbinds its Alipay account
	heal    // a domain is made fit for sale again
	spend   // somebody does something with a domain that it has
	settle  // an operator decides what only a person can
	retry   // an operator has a payout tried again
	fund    // the merchant puts money into its account at the bank, or takes it out
)

var kindNames = [...]string{
	"offer", "accept", "pay", "withdraw", "decline", "takedown", "work", "tick", "notify", "happen", "hear", "land",
	"restart", "skew", "bind", "heal", "spend", "settle", "retry", "fund",
}

// act is one operation of a history. All that is random in it follows from its salt, so
// it stays what it is when others are left out.
type act struct {
	number  int // in the plan of the seed
	kind    kind
	push    string // of the commands of people
	process int
	salt    uint64
	calm    bool // nothing goes wrong and nobody interferes
}

func (a act) String() string {
	text := fmt.Sprintf("%4d %s", a.number, kindNames[a.kind])
	if a.push != "" {
		text += " " + a.push
	}
	if a.kind != tick && a.kind != pay && a.kind != happen && a.kind != land {
		text += fmt.Sprintf(" (process %d)", a.process)
	}
	if a.calm {
		text += ", undisturbed"
	}
	return text
}

// Size of a history.
const (
	plannedPushes = 50
	plannedActs   = 900
)

// noise is everything that happens besides the purchases, by how often.
var noise = []struct {
	kind   kind
	weight int
}{
	{work, 46},
	{tick, 12},
	{notify, 12},
	{hear, 6},
	{land, 6},
	{happen, 2},
	{restart, 2},
	{skew, 1},
	{bind, 1},
	{fund, 1},
	{heal, 3},
	{spend, 4},
}

// plan makes the history of a seed: purchases that begin one after another and overlap,
// and much else between their steps.
func plan(seed uint64) []act {
	random := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- a simulation must be repeatable
	var stories []*story
	acts := make([]act, 0, plannedActs)
	for begun := 0; len(acts) < plannedActs; {
		next := act{number: len(acts), process: random.IntN(2), salt: random.Uint64()}
		switch dice := random.IntN(100); {
		case dice < 7 && begun < plannedPushes:
			begun++
			next.kind, next.push = offer, "p"+strconv.Itoa(begun)
			stories = append(stories, &story{push: next.push})
		case dice < 22 && len(stories) > 0:
			recent := stories[max(0, len(stories)-5):]
			next.kind, next.push = recent[random.IntN(len(recent))].next(random)
		default:
			next.kind = someNoise(random)
		}
		acts = append(acts, next)
	}
	return acts
}

// story is how people act in one push.
type story struct {
	push string
	told int
}

func (s *story) next(random *rand.Rand) (kind, string) {
	s.told++
	switch dice := random.IntN(100); {
	case dice < 1:
		return withdraw, s.push
	case dice < 2:
		return decline, s.push
	case dice < 6:
		return takedown, s.push
	case dice < 10 && s.told > 1:
		return settle, s.push
	case dice < 14 && s.told > 1:
		return retry, s.push
	case s.told == 1:
		return accept, s.push
	default:
		return pay, s.push
	}
}

func someNoise(random *rand.Rand) kind {
	total := 0
	for _, row := range noise {
		total += row.weight
	}
	dice := random.IntN(total)
	for _, row := range noise {
		if dice -= row.weight; dice < 0 {
			return row.kind
		}
	}
	return work
}
