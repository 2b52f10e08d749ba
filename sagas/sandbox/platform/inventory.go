package platform

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/push"
)

const maxInventory = 64 << 20 // bytes

// Inventory is what a platform holds at first. The zero value is empty.
type Inventory struct {
	accounts []push.AccountFacts
	domains  []push.DomainFacts
}

// Accounts lists the accounts in the order of the file.
func (i Inventory) Accounts() []push.AccountFacts { return slices.Clone(i.accounts) }

// LoadInventory reads an inventory file of at most 64 MiB. See ParseInventory.
func LoadInventory(path string) (Inventory, error) {
	file, err := os.Open(path) // #nosec G304 -- the operator's own file
	if err != nil {
		return Inventory{}, fmt.Errorf("platform: inventory: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxInventory+1))
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return Inventory{}, fmt.Errorf("platform: inventory: %w", err)
	}
	return ParseInventory(data, time.Now())
}

// ParseInventory reads {"accounts":[…],"domains":[…]} with facts as the contracts word
// them. Times may be relative to now, such as "-30d", "+1y" or "-7d1h30m". Facts left
// out are those of an ordinary domain and a verified account. Members that are not
// facts, and a domain or an account named twice, are errors.
func ParseInventory(data []byte, now time.Time) (Inventory, error) {
	if len(data) > maxInventory {
		return Inventory{}, fmt.Errorf("platform: inventory: larger than %d bytes", maxInventory)
	}
	var file struct {
		Accounts []accountChange `json:"accounts"`
		Domains  []domainChange  `json:"domains"`
	}
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return Inventory{}, fmt.Errorf("platform: inventory: %w", err)
	}
	var inventory Inventory
	if err := inventory.addAccounts(file.Accounts); err != nil {
		return Inventory{}, fmt.Errorf("platform: inventory: %w", err)
	}
	if err := inventory.addDomains(file.Domains, now); err != nil {
		return Inventory{}, fmt.Errorf("platform: inventory: %w", err)
	}
	return inventory, nil
}

func (i *Inventory) addAccounts(list []accountChange) error {
	known := make(map[string]bool, len(list))
	for _, entry := range list {
		if err := checkAccount(entry.Account); err != nil {
			return err
		}
		if known[entry.Account] {
			return fmt.Errorf("account %s is there twice", entry.Account)
		}
		known[entry.Account] = true
		facts := newAccount(entry.Account)
		if err := entry.apply(&facts); err != nil {
			return fmt.Errorf("account %s: %w", entry.Account, err)
		}
		i.accounts = append(i.accounts, facts)
	}
	return nil
}

func (i *Inventory) addDomains(list []domainChange, now time.Time) error {
	known := make(map[domainname.Name]bool, len(list))
	for _, entry := range list {
		name, err := domainname.Parse(entry.Domain)
		if err != nil {
			return err
		}
		if known[name] {
			return fmt.Errorf("domain %s is there twice", name)
		}
		known[name] = true
		facts := registered(name, now)
		if err := entry.apply(&facts, now); err != nil {
			return fmt.Errorf("domain %s: %w", name, err)
		}
		i.domains = append(i.domains, facts)
	}
	return nil
}
