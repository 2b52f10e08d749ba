package platform

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"slices"

	"github.com/google/uuid"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// What an account can try with a domain, and the kind of event that comes of it.
const (
	actMove             = "move"
	actTransferOut      = "transfer_out"
	actAuthCode         = "auth_code"
	actChangeRegistrant = "change_registrant"
)

var acts = map[string]string{
	actMove:              registrar.KindAccountMoved,
	actTransferOut:       registrar.KindTransferredOut,
	"transfer_out_start": registrar.KindTransferOutStarted,
	actAuthCode:          registrar.KindAuthCodeIssued,
	actChangeRegistrant:  registrar.KindRegistrantChanged,
	"delete":             registrar.KindDeleted,
}

// Codes of a refused act, beside codeNotOwner.
const (
	codeHeld            = "held"
	codeAuthCodeInvalid = "auth_code_invalid"
)

// attempt is what an account tries with a domain, or what somebody tries who knows its
// transfer password.
type attempt struct {
	Domain   string `json:"domain"`
	Account  string `json:"account"`
	Act      string `json:"act"`
	To       string `json:"to"`        // the account to move to, or the new registrant
	AuthCode string `json:"auth_code"` // for a transfer out: instead of the account
	Silent   bool   `json:"silent"`    // no event tells of it
}

func (a attempt) check() (domainname.Name, error) {
	name, err := parseDomain(a.Domain)
	if err != nil {
		return "", err
	}
	if acts[a.Act] == "" {
		return "", refuse("invalid_act", "act %.40q is none of the sandbox", a.Act)
	}
	if a.AuthCode != "" && a.Act != actTransferOut {
		return "", refuse("invalid_act", "a transfer password is of use for a transfer out alone")
	}
	if a.AuthCode == "" || a.Account != "" {
		if err := checkAccount(a.Account); err != nil {
			return "", err
		}
	}
	return name, a.checkTo()
}

func (a attempt) checkTo() error {
	switch {
	case a.Act == actMove:
		return checkAccount(a.To)
	case a.To == "":
		return nil
	case a.Act == actChangeRegistrant:
		return checkRegistrant(a.To)
	default:
		return refuse("invalid_act", "the act %s goes to nobody", a.Act)
	}
}

// obstacle is why an act is refused; empty if it is not.
func (a attempt) obstacle(r record) string {
	left := !r.Facts.RegistrarOK && !slices.Contains(r.Facts.Pending, transferOut)
	here := r.Facts.Exists && !left
	switch {
	case a.AuthCode != "" && (!here || !r.opens(a.AuthCode)):
		return codeAuthCodeInvalid
	case a.AuthCode == "" && (!here || r.Facts.Account != a.Account):
		return codeNotOwner
	case r.held():
		return codeHeld
	default:
		return ""
	}
}

// opens reports whether the text is the transfer password.
func (r record) opens(password string) bool {
	return r.AuthCode != "" && subtle.ConstantTimeCompare([]byte(r.AuthCode), []byte(password)) == 1
}

// detail is what the event of the act says.
func (a attempt) detail() detail {
	switch a.Act {
	case actMove:
		return detail{From: a.Account, To: a.To}
	case actChangeRegistrant:
		return detail{Registrant: a.To}
	default:
		return detail{}
	}
}

// act answers sandbox.registrar.act: what an account tries with its domain in the
// registrar's own console. While the domain is held, nothing comes of it.
func (p *Platform) act(ctx context.Context, body []byte) (any, error) {
	var tried attempt
	if err := read(body, &tried); err != nil {
		return nil, err
	}
	name, err := tried.check()
	if err != nil {
		return nil, err
	}
	caused := event{ID: uuid.NewString(), Kind: acts[tried.Act], Domain: name, At: p.now().UTC()}
	said := done{OK: true, Domain: name}
	if tried.Act == actAuthCode {
		said.AuthCode = rand.Text()
	}
	said.Revision, err = p.change(ctx, name, func(before record) (record, error) {
		if code := tried.obstacle(before); code != "" {
			return before, refuse(code, "the registrar refuses the act %s with %s", tried.Act, name)
		}
		facts := before.Facts
		effects[caused.Kind](&facts, caused.At, tried.detail())
		after := before.changed(facts)
		if said.AuthCode != "" {
			after.AuthCode = said.AuthCode
		}
		return after, nil
	})
	if err != nil || tried.Silent {
		return said, err
	}
	said.EventID = caused.ID
	return said, p.tell(ctx, caused, tried.detail())
}
