// Command guest is the service of bench/service/order.py in Go.
package main

import (
	"slices"

	serai "github.com/seraihost/serai/guest-sdk/go"
)

type order struct {
	UserName string `json:"user_name"`
	Country  string `json:"country"`
	Items    []item `json:"items"`
}

type item struct {
	SKU   string `json:"sku"`
	Price int    `json:"price"`
	Count int    `json:"count"`
}

type priced struct {
	UserName string   `json:"user_name"`
	Lines    int      `json:"lines"`
	Net      int      `json:"net"`
	Tax      int      `json:"tax"`
	Gross    int      `json:"gross"`
	SKUs     []string `json:"skus"`
}

var rates = map[string]int{"PL": 23, "DE": 19, "CY": 19}

func init() { serai.HandleJSON(price) }

func price(_ *serai.Request, o order) (*priced, error) {
	p := &priced{UserName: o.UserName, Lines: len(o.Items)}
	for _, i := range o.Items {
		p.Net += i.Price * i.Count
		p.SKUs = append(p.SKUs, i.SKU)
	}
	slices.Sort(p.SKUs)
	p.Tax = p.Net * rates[o.Country] / 100
	p.Gross = p.Net + p.Tax
	return p, nil
}

func main() {}
