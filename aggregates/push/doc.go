// Package push holds the rules of a priced push: one seller offers one or several
// domains to one named buyer, each at a price; the buyer accepts and pays; the domains
// go to the buyer and the money to the seller, or neither does.
//
// A Decide function is handed a State, what was asked or observed, and the time. It
// returns the events that follow, or a Refusal that names every broken rule. Evolve
// folds an event into the state, Next tells what is still to be done, and Postings what
// an event means for the journal. What they guarantee together:
//
//   - A push ends once. What arrives after that can bring stray money back, and no more.
//   - The seller is paid only when every domain is with the buyer.
//   - The buyer is refunded only when no domain is with it, and never for a push that
//     was paid out.
//   - Deciding twice on the same outcome changes nothing the second time.
package push
