package main

import "context"

// taskFlags name what an operator sees to.
type taskFlags struct {
	commandFlags
	Push      string `arg:"" help:"Id of the push."`
	Step      string `help:"What waits for a person: ${enum}." enum:"payout,refund,return,reversal,buyer_act,check_funding" required:""`
	RequestNo string `help:"Of a refund of money that did not pay the push."`
	Domain    string `help:"Of a return, a reversal or a buyer_act."`
	Reason    string `help:"Why; it is recorded." required:""`
}

// body leaves out what is not given.
func (f taskFlags) body(more map[string]string) map[string]string {
	body := map[string]string{"push_id": f.Push, "step": f.Step, "reason": f.Reason}
	for name, value := range map[string]string{
		"request_no": f.RequestNo, "domain": f.Domain, "place": more["place"], "decision": more["decision"], "reference": more["reference"],
	} {
		if value != "" {
			body[name] = value
		}
	}
	return body
}

type retryCommand struct{ taskFlags }

// Run sends the order to try again.
func (c *retryCommand) Run(ctx context.Context, screen *terminal) error {
	return c.send(ctx, screen, "retry", c.body(nil))
}

type settleCommand struct {
	taskFlags
	Reference string `help:"Where it is documented, such as a bank's number; it is recorded." required:""`
	Place     string `help:"Of a return: where the domain has come to rest, returned or gone." enum:",returned,gone" default:""`
	Decision  string `help:"Of a buyer_act: pay_seller or refund_buyer; of check_funding: accept_payment or refund_buyer." enum:",pay_seller,refund_buyer,accept_payment" default:""`
}

// Run sends the record of what was done by hand.
func (c *settleCommand) Run(ctx context.Context, screen *terminal) error {
	return c.send(ctx, screen, "settle", c.body(map[string]string{
		"reference": c.Reference, "place": c.Place, "decision": c.Decision,
	}))
}
