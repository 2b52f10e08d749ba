package natsregistrar

import (
	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
	"github.com/pushledger/pushledger/sagas/registrar"
)

// DecodeFacts reads an answer as Client.Facts does.
func DecodeFacts(data []byte, asked []domainname.Name) ([]push.DomainFacts, error) {
	var answer factsAnswer
	if err := decodeAnswer(data, &answer); err != nil {
		return nil, err
	}
	return answer.inOrderOf(asked)
}

// DecodeMove reads an answer as Client.Operation does.
func DecodeMove(data []byte) (registrar.MoveResult, error) {
	var answer moveAnswer
	if err := decodeAnswer(data, &answer); err != nil {
		return registrar.MoveResult{}, err
	}
	return answer.result()
}

// DecodeHold reads an answer as Client.Hold does.
func DecodeHold(data []byte) (registrar.HoldResult, error) {
	var answer holdAnswer
	if err := decodeAnswer(data, &answer); err != nil {
		return registrar.HoldResult{}, err
	}
	return answer.result()
}

// DecodeAccount reads an answer as Client.Account does.
func DecodeAccount(data []byte, asked string) (push.AccountFacts, error) {
	var answer accountAnswer
	if err := decodeAnswer(data, &answer); err != nil {
		return push.AccountFacts{}, err
	}
	return answer.facts(asked)
}
