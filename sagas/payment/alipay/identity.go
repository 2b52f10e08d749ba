package alipay

// pageOrder is an order for the payment page. Its own member replaces the library's, which
// writes every part of an identity even if it is empty: Alipay leaves a hash unread as soon
// as a name or a document is given.
type pageOrder struct {
	merchantOrder

	Buyer *buyerIdentity `json:"ext_user_info,omitempty"`
}

// buyerIdentity is who alone may pay (ExtUserInfo).
type buyerIdentity struct {
	Check string `json:"need_check_info"`
	Hash  string `json:"identity_hash"`
}

// identified demands the payer of a hash; none without one.
func identified(hash string) *buyerIdentity {
	if hash == "" {
		return nil
	}
	return &buyerIdentity{Check: "T", Hash: hash}
}
