package offers

import "strings"

// names of the columns, as they are typed. Case, blanks, underscores and whatever stands in
// parentheses behind a name do not matter: 价格（元） is 价格.
var names = map[string]string{
	"pushid": "push_id", "push": "push_id", "push编号": "push_id", "编号": "push_id", "推送编号": "push_id", "批次": "push_id",
	"buyer": "buyer", "buyeraccount": "buyer", "买家": "buyer", "买家账户": "buyer", "买家账号": "buyer", "买家id": "buyer", "买方": "buyer", "接收方": "buyer",
	"domain": "domain", "domainname": "domain", "域名": "domain", "域名名称": "domain",
	"price": "price", "amount": "price", "价格": "price", "金额": "price", "售价": "price", "报价": "price", "转让价格": "price", "转让价": "price",
	"remark": "remark", "remarks": "remark", "note": "remark", "备注": "remark", "留言": "remark", "说明": "remark",
	"validfor": "valid_for", "validity": "valid_for", "有效期": "valid_for", "有效时间": "valid_for",
	"expiresat": "expires_at", "expires": "expires_at", "到期时间": "expires_at", "截止时间": "expires_at", "有效期至": "expires_at",
}

// columns are where in a row each cell stands.
type columns struct {
	place  map[string]int // column → place
	width  int
	unused []string
}

// nameColumns reads the row of names. place is nil if a table cannot be read by them.
func nameColumns(line int, cells []string, bad *bad) columns {
	found := columns{place: make(map[string]int), width: len(cells)}
	before := len(bad.rows)
	for i, cell := range cells {
		name, known := names[plainName(cell)]
		if _, twice := found.place[name]; known && twice {
			bad.add(line, CodeUnreadable, "two columns are the %s", name)
		} else if known {
			found.place[name] = i
		} else if cell = strings.TrimSpace(cell); cell != "" {
			found.unused = append(found.unused, cell)
		}
	}
	for _, needed := range [][2]string{{"domain", "域名"}, {"price", "价格"}} {
		if _, there := found.place[needed[0]]; !there {
			bad.add(line, CodeUnreadable, "no column is named %s or %s: the first row names the columns", needed[0], needed[1])
		}
	}
	if len(bad.rows) > before {
		return columns{}
	}
	return found
}

func plainName(cell string) string {
	name, _, _ := strings.Cut(strings.ReplaceAll(cell, "（", "("), "(")
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "", "\u00a0", "", "\u3000", "", "\ufeff", "").Replace(strings.TrimSpace(name)))
}

// row takes the cells of a row by their columns.
func (c columns) row(line int, cells []string, bad *bad) row {
	for _, cell := range cells {
		if strings.Contains(cell, "\n") {
			bad.add(line, CodeUnreadable, "a cell goes over several lines, or a quote is not closed: %.40q", cell)
		}
	}
	cell := func(name string) string {
		place, there := c.place[name]
		if !there || place >= len(cells) {
			return ""
		}
		return strings.TrimSpace(cells[place])
	}
	if len(cells) > c.width && !blank(cells[c.width:]) {
		bad.add(line, CodeUnreadable, "it has more cells than there are columns: a cell with a separator in it needs quotes")
	}
	return row{
		line: line, pushID: cell("push_id"), buyer: cell("buyer"), domain: cell("domain"), price: cell("price"),
		remark: cell("remark"), valid: cell("valid_for"), by: cell("expires_at"),
	}
}
