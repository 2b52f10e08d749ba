package main

// auditCommand are the checks that trust nothing the service says.
type auditCommand struct {
	Reconcile reconcileCommand `cmd:"" help:"Hold the journal against Alipay's bills."`
}
