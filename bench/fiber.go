package main

import (
	"slices"

	"github.com/gofiber/fiber/v2"
)

type order struct {
	UserName string `json:"user_name"`
	Country  string `json:"country"`
	Items    []struct {
		SKU   string `json:"sku"`
		Price int    `json:"price"`
		Count int    `json:"count"`
	} `json:"items"`
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

// serveFiber is the peer of Go guests: the same work in a plain Fiber
// application, and a bare route that greets.
func serveFiber(addr string) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/bench/price", func(c *fiber.Ctx) error {
		var o order
		if err := c.BodyParser(&o); err != nil {
			return err
		}
		return c.JSON(price(o))
	})
	bare := []byte(`{"hello":"world"}`)
	app.Get("/bench/bare", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(bare)
	})
	return app.Listen(addr)
}

func price(o order) priced {
	p := priced{UserName: o.UserName, Lines: len(o.Items)}
	for _, i := range o.Items {
		p.Net += i.Price * i.Count
		p.SKUs = append(p.SKUs, i.SKU)
	}
	slices.Sort(p.SKUs)
	p.Tax = p.Net * rates[o.Country] / 100
	p.Gross = p.Net + p.Tax
	return p
}
