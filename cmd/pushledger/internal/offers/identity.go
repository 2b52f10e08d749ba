package offers

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// space is where the Command-Ids of files live, apart from any other UUID of version 5.
var space = uuid.NewSHA1(uuid.NameSpaceOID, []byte("pushledger offer file"))

// CommandIDs are the Command-Ids of a list, in its order: UUIDs of version 5 that follow from
// the account, the name of the batch, the content of the offer, and how many equal ones stand
// before it. So they do not depend on where an offer stands, and sending the list again, whole
// or mended, sends the same command for every offer that is the same.
func CommandIDs(account, batch string, list []Offer) ([]string, error) {
	ids := make([]string, len(list))
	equal := make(map[string]int)
	for i, offer := range list {
		content, err := json.Marshal(offer.Body, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		equal[string(content)]++
		name, err := json.Marshal([]string{account, batch, string(content), strconv.Itoa(equal[string(content)])})
		if err != nil {
			return nil, err
		}
		ids[i] = uuid.NewSHA1(space, name).String()
	}
	return ids, nil
}
