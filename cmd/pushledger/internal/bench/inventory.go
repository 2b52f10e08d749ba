package bench

import (
	"fmt"
	"os"

	"github.com/go-json-experiment/json"
)

const (
	sellers = 16 // each with a connection of its own
	buyer   = "buyer"
	price   = "10.00"
)

type inventoryAccount struct {
	Account string `json:"account"`
	Alipay  string `json:"alipay_account"`
	Name    string `json:"alipay_name"`
}

type inventoryDomain struct {
	Domain  string `json:"domain"`
	Account string `json:"account"`
}

// writeInventory gives a number of domains to the sellers in turn.
func writeInventory(path string, domains int) error {
	var inventory struct {
		Accounts []inventoryAccount `json:"accounts"`
		Domains  []inventoryDomain  `json:"domains"`
	}
	inventory.Accounts = []inventoryAccount{newAccount(buyer)}
	for i := range sellers {
		inventory.Accounts = append(inventory.Accounts, newAccount(sellerName(i)))
	}
	for i := range domains {
		inventory.Domains = append(inventory.Domains, inventoryDomain{domainName(i), sellerName(i % sellers)})
	}
	text, err := json.Marshal(inventory)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func newAccount(name string) inventoryAccount {
	return inventoryAccount{Account: name, Alipay: name + "@example.com", Name: name}
}

func sellerName(i int) string { return fmt.Sprintf("seller%d", i) }
func domainName(i int) string { return fmt.Sprintf("bench-%07d.com", i) }
