// Package domainname turns a domain name as people write it into the one form that the
// ledger compares and keeps. What it guarantees: two spellings of one domain parse to
// the same Name, a Name parses to itself, and so does its Unicode form.
package domainname

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of a name in the domain name system, in bytes of its A-label form.
const (
	maxName  = 253
	maxLabel = 63
)

// ErrInvalid means that a text is no domain name that could be sold. It is wrapped with
// the reason.
var ErrInvalid = errors.New("not a domain name that can be sold")

// Name is a domain name in its A-label form: lower case, no trailing dot.
type Name string

// Unicode is the name as people read it, such as "例子.中国".
func (n Name) Unicode() string {
	if !strings.Contains(string(n), "xn--") {
		return string(n)
	}
	text, err := profile.ToUnicode(string(n))
	if err != nil {
		return string(n) // read from the log and no longer decodable: the A-label is still true
	}
	return text
}

// Both is the name as people read it and, if that is another text, the name itself behind
// it: two names that look the same differ there.
func (n Name) Both() string {
	if unicode := n.Unicode(); unicode != string(n) {
		return unicode + " (" + string(n) + ")"
	}
	return string(n)
}

// TLD is the last label, such as "cn".
func (n Name) TLD() string {
	return string(n[strings.LastIndexByte(string(n), '.')+1:])
}

// Suffix is the public suffix under which the name is registered, such as "com.cn".
func (n Name) Suffix() string {
	suffix, _ := publicSuffix(string(n))
	return suffix
}

// Token is the name as one token of a NATS subject: a dot separates tokens there, so
// '_' stands for it. No name holds a '_' of its own.
func (n Name) Token() string {
	return strings.ReplaceAll(string(n), ".", "_")
}

// FromToken reads what Token wrote. It returns ErrInvalid.
func FromToken(token string) (Name, error) {
	if strings.Contains(token, ".") {
		return "", refuse(token, "a token holds no dot")
	}
	var name Name
	err := name.UnmarshalText([]byte(strings.ReplaceAll(token, "_", ".")))
	return name, err
}

// UnmarshalText takes a name that is normalised already, as the log holds it, and
// returns ErrInvalid for anything else. It checks the form alone: what was once
// accepted stays readable when public suffixes change. Input from people goes through
// Parse.
func (n *Name) UnmarshalText(text []byte) error {
	if !isNormal(string(text)) || !strings.Contains(string(text), ".") {
		return refuse(string(text), "write it in lower-case ASCII labels without a trailing dot")
	}
	*n = Name(text)
	return nil
}

func isNormal(text string) bool {
	if len(text) > maxName {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func refuse(text, reason string) error {
	return fmt.Errorf("domainname: %.80q is %w: %s", text, ErrInvalid, reason)
}
