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
	variants []variant
}

// variant is another name of a registration.
type variant struct{ name, canonical domainname.Name }

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
// out are those of an ordinary domain and a verified account. Facts given with a canonical
// name are those of the registration of that name, on top of what is said under the name
// itself. Members that are not facts, and a domain or an account named twice, are errors.
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
	registrations := make(map[domainname.Name]int, len(list)) // where each is in i.domains
	var variants []domainChange
	for _, entry := range list {
		name, canonical, err := entry.names()
		if err != nil {
			return err
		}
		if canonical != "" && canonical != name {
			variants = append(variants, entry)
			continue
		}
		if _, twice := registrations[name]; twice {
			return fmt.Errorf("domain %s is there twice", name)
		}
		if err := i.addFacts(registrations, name, entry, now); err != nil {
			return err
		}
	}
	return i.addVariants(registrations, variants, now)
}

func (i *Inventory) addVariants(registrations map[domainname.Name]int, list []domainChange, now time.Time) error {
	known := make(map[domainname.Name]bool, len(list))
	for _, entry := range list {
		name, canonical, err := entry.names()
		if err != nil {
			return err
		}
		if _, own := registrations[name]; own || known[name] {
			return fmt.Errorf("domain %s is there twice", name)
		}
		if known[canonical] {
			return fmt.Errorf("domain %s: its canonical name %s is another name itself", name, canonical)
		}
		known[name] = true
		i.variants = append(i.variants, variant{name, canonical})
		if err := i.addFacts(registrations, canonical, entry, now); err != nil {
			return err
		}
	}
	return nil
}

// addFacts changes the facts of a registration, which is added if it is not there.
func (i *Inventory) addFacts(registrations map[domainname.Name]int, name domainname.Name, entry domainChange, now time.Time) error {
	at, is := registrations[name]
	facts := registered(name, now)
	if is {
		facts = i.domains[at]
	}
	if err := entry.apply(&facts, now); err != nil {
		return fmt.Errorf("domain %s: %w", name, err)
	}
	if is {
		i.domains[at] = facts
		return nil
	}
	registrations[name] = len(i.domains)
	i.domains = append(i.domains, facts)
	return nil
}
