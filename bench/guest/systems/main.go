// Command systems is the services of bench/service/systems.py in Go: each
// does its operation as many times as the request says.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/amqp"
	"github.com/seraihost/serai/guest-sdk/go/redis"
	"github.com/seraihost/serai/guest-sdk/go/sql"
)

type task struct {
	First int `json:"first"`
	Times int `json:"times"`
}

type done struct {
	OK bool `json:"ok"`
}

// order is a row as an object.
type order struct {
	ID       int
	Customer string
	Amount   string // an exact decimal
	Created  time.Time
	Paid     bool
}

type message struct {
	Order int    `json:"order"`
	Note  string `json:"note"`
}

var errOther = errors.New("the answer is another one")

var services = map[string]func(task) error{"sql": query, "redis": keep, "publish": publish}

func init() {
	serai.Handle(answer)
	serai.Warm(task{}, done{}, message{})
}

func answer(req *serai.Request) (*serai.Response, error) {
	if req.Channel == abi.ChannelAMQP {
		var m message
		if err := req.JSON(&m); err != nil || m.Order != 17 {
			return nil, errors.Join(errOther, err)
		}
		return serai.JSON(done{true})
	}
	var t task
	if err := req.JSON(&t); err != nil {
		return nil, err
	}
	do := services[req.Path[strings.LastIndexByte(req.Path, '-')+1:]]
	if do == nil {
		return nil, fmt.Errorf("there is no work at %s", req.Path)
	}
	if err := do(t); err != nil {
		return nil, err
	}
	return serai.JSON(done{true})
}

var orders = sql.Open("Orders")

func query(t task) error {
	const selects = "SELECT id, customer, amount, created, paid FROM orders WHERE id = $1"
	for i := range t.Times {
		id := 1 + (t.First+i)*7919%10_000
		var o order
		if err := orders.QueryRow(selects, id).Scan(&o.ID, &o.Customer, &o.Amount, &o.Created, &o.Paid); err != nil {
			return err
		}
		if o.ID != id || o.Created.IsZero() {
			return errOther
		}
	}
	return nil
}

var (
	value = strings.Repeat("v", 100)
	bulk  = []byte("$100\r\n" + value + "\r\n")
)

func keep(t task) error {
	cache := redis.Connection("Cache")
	key := "bench:" + strconv.Itoa(t.First%16)
	set, get := redis.CommandsRequest{Body: redis.Command("SET", key, value)}, redis.CommandsRequest{Body: redis.Command("GET", key)}
	for range t.Times {
		if reply, err := cache.Commands(set); err != nil || string(reply) != "+OK\r\n" && string(reply) != "$2\r\nOK\r\n" {
			return errors.Join(errOther, err)
		}
		if reply, err := cache.Commands(get); err != nil || !bytes.Equal(reply, bulk) {
			return errors.Join(errOther, err)
		}
	}
	return nil
}

func publish(t task) error {
	note := strings.Repeat("n", 177)
	for range t.Times {
		body, err := json.Marshal(message{17, note})
		if err != nil {
			return err
		}
		err = amqp.Connection("Broker").Publish(amqp.PublishRequest{Exchange: "bench", RoutingKey: "none", ContentType: "application/json", Body: body})
		if err != nil {
			return err
		}
	}
	return nil
}

func main() {}
