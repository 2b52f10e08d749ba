// Package simulation runs the purchase of domains in a small world of its own, under a
// great many faults, and holds three books against each other after every step: the
// journal of the log, the provider's and the registrar's.
//
// The code under test is the real one: the rules of aggregates/push, sagas/ledger,
// sagas/purchase, sagas/invalidation and the log's semantics (eventstore/memory). The
// partners, the accounts, the clocks and the order in which everything happens are
// simulated, in one thread at a time, so that a seed always means the same history.
//
// What it guarantees:
//   - The books are judged by what the partners did and the log holds, never by what
//     the saga thinks of a push.
//   - The partners guard nothing: they refund and pay out whatever they are asked under
//     a new number, so that only the saga can be right.
//   - A history that breaks an invariant is cut down to few operations, each of which
//     is needed, and can be played again from its seed and their numbers.
package simulation
