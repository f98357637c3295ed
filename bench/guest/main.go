// Command guest is the service of bench/service/order.py in Go. A request
// without a body gets a greeting.
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

func init() {
	serai.Handle(answer)
	serai.Warm(order{Items: []item{{}}}, priced{SKUs: []string{""}})
}

func answer(req *serai.Request) (*serai.Response, error) {
	if len(req.Body) == 0 {
		return serai.Bytes("application/json", []byte(`{"hello":"world"}`)), nil
	}
	var o order
	if err := req.JSON(&o); err != nil {
		return serai.Text(err.Error() + "\n").With(400), nil
	}
	return serai.JSON(price(o))
}

func price(o order) *priced {
	p := &priced{UserName: o.UserName, Lines: len(o.Items)}
	for _, i := range o.Items {
		p.Net += i.Price * i.Count
		p.SKUs = append(p.SKUs, i.SKU)
	}
	slices.Sort(p.SKUs)
	p.Tax = p.Net * rates[o.Country] / 100
	p.Gross = p.Net + p.Tax
	return p
}

func main() {}
