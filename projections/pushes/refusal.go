package pushes

import (
	"errors"
	"strings"

	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/projections"
)

// Codes of refused queries, beside those of package push.
const (
	CodeInvalidQuery = "invalid_query"
	CodeNotAllowed   = "not_allowed"
)

// RefuseQuery refuses a question because one of its parameters cannot be read. It says
// which values there are, where there are so many.
func RefuseQuery(parameter string, allowed ...string) *push.Refusal {
	refusal := &push.Refusal{
		Code:    CodeInvalidQuery,
		Message: "this cannot be asked: " + parameter + " is not valid", MessageZH: "查询参数无效：" + parameter,
	}
	if len(allowed) > 0 {
		refusal.Message += "; it may be " + strings.Join(allowed, ", ")
		refusal.MessageZH += "，可填：" + strings.Join(allowed, "、")
	}
	return refusal
}

func (v Viewer) mustSeeAll() error {
	if v.SeesAll {
		return nil
	}
	return NotAllowed()
}

// NotAllowed refuses what is not for traders.
func NotAllowed() *push.Refusal {
	return &push.Refusal{
		Code: CodeNotAllowed, Message: "only operators and auditors may see this", MessageZH: "仅运营和审计人员可查看",
	}
}

// NotTheAccount refuses what is for one account, and for those who see everything. That an
// account has not what is asked for would be untrue, and no secret is kept by saying so.
func NotTheAccount() *push.Refusal {
	return &push.Refusal{
		Code: CodeNotAllowed, Message: "only the account itself, operators and auditors may see this", MessageZH: "仅账户本人、运营和审计人员可查看",
	}
}

// Explain turns any error of a query into the refusal that the caller is told. What is
// trouble of our own becomes unavailable, without details.
func Explain(err error) *push.Refusal {
	var refusal *push.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, projections.ErrWish):
		return RefuseQuery("Min-Seq, Min-Seq-Timeout")
	case errors.Is(err, projections.ErrBehind):
		return &push.Refusal{
			Code: push.CodeUnavailable, Message: "the answer does not show this sequence yet; try again shortly",
			MessageZH: "查询结果尚未更新到该序号，请稍后再试",
		}
	default:
		return &push.Refusal{
			Code: push.CodeUnavailable, Message: "the service cannot answer right now; try again shortly",
			MessageZH: "服务暂时无法应答，请稍后再试",
		}
	}
}
