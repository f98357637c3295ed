package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	amqp091 "github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"
)

// What every contender does is written in bench/service/systems.py,
// bench/guest/systems and bench/peer/systems.py too.
const (
	orders  = 10_000
	selects = "SELECT id, customer, amount, created, paid FROM orders WHERE id = $1"
)

var errOther = errors.New("the answer is another one")

// operation does the work once for a worker, and returns how many operations
// that was.
type operation func(ctx context.Context, worker, i int) (int, error)

// clients are the plain Go clients of systems.
var clients = map[string]func(ctx context.Context, addr string, workers int) (operation, error){
	"sql": sqlClient, "redis": redisClient, "publish": publishClient,
}

// runClient is this program as the plain client: SYSTEM ADDR WORKERS SECONDS.
// It writes the operations per second; consume works until it is ended.
func runClient(out io.Writer, args []string) error {
	if len(args) != 4 {
		return errors.New("client: SYSTEM ADDR WORKERS SECONDS")
	}
	workers, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("reading the number of workers: %w", err)
	}
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return fmt.Errorf("reading the seconds: %w", err)
	}
	ctx := context.Background()
	if args[0] == "consume" {
		return consumeClient(args[1], workers)
	}
	open := clients[args[0]]
	if open == nil {
		return fmt.Errorf("there is no client of %q", args[0])
	}
	do, err := open(ctx, args[1], workers)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	rate, err := work(ctx, do, workers, time.Duration(seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, rate)
	return err
}

// work has workers do it for the time given.
func work(ctx context.Context, do operation, workers int, d time.Duration) (float64, error) {
	var wg sync.WaitGroup
	var total atomic.Int64
	errs := make([]error, workers)
	for w := range workers { // for caches
		if _, err := do(ctx, w, w); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	end := began.Add(d)
	for w := range workers {
		wg.Go(func() {
			n := 0
			for i := w; time.Now().Before(end); i++ {
				did, err := do(ctx, w, i)
				if err != nil {
					errs[w] = err
					break
				}
				n += did
			}
			total.Add(int64(n))
		})
	}
	wg.Wait()
	return float64(total.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

// row is an order as an object.
type row struct {
	ID       int
	Customer string
	Amount   pgtype.Numeric
	Created  time.Time
	Paid     bool
}

func sqlClient(ctx context.Context, addr string, workers int) (operation, error) {
	pool, err := pgxpool.New(ctx, fmt.Sprintf("postgres://test@%s/postgres?pool_max_conns=%d", addr, workers))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _, i int) (int, error) {
		var r row
		id := 1 + i*7919%orders
		err := pool.QueryRow(ctx, selects, id).Scan(&r.ID, &r.Customer, &r.Amount, &r.Created, &r.Paid)
		if err == nil && r.ID != id {
			err = errOther
		}
		return 1, err
	}, nil
}

func redisClient(_ context.Context, addr string, workers int) (operation, error) {
	client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: workers})
	value := string(bytesOf('v', 100))
	return func(ctx context.Context, w, _ int) (int, error) {
		key := "bench:" + strconv.Itoa(w)
		if err := client.Set(ctx, key, value, 0).Err(); err != nil {
			return 0, err
		}
		got, err := client.Get(ctx, key).Result()
		if err == nil && got != value {
			err = errOther
		}
		return 2, err
	}, nil
}

// note is a message as an object.
type note struct {
	Order int    `json:"order"`
	Note  string `json:"note"`
}

var notice = note{17, string(bytesOf('n', 177))}

// message is what is consumed, and what is published: 200 bytes and some.
var message = fmt.Appendf(nil, `{"order": %d, "note": "%s"}`, notice.Order, notice.Note)

func bytesOf(c byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = c
	}
	return out
}

func publishClient(_ context.Context, addr string, workers int) (operation, error) {
	broker, err := amqp091.Dial("amqp://guest:guest@" + addr + "/")
	if err != nil {
		return nil, err
	}
	channels := make([]*amqp091.Channel, workers)
	for i := range channels {
		if channels[i], err = broker.Channel(); err != nil {
			return nil, err
		}
		if err := channels[i].Confirm(false); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, w, _ int) (int, error) {
		body, err := json.Marshal(notice)
		if err != nil {
			return 0, err
		}
		m := amqp091.Publishing{ContentType: "application/json", DeliveryMode: amqp091.Transient, Body: body}
		confirm, err := channels[w].PublishWithDeferredConfirmWithContext(ctx, "bench", "none", false, false, m)
		if err != nil {
			return 0, err
		}
		taken, err := confirm.WaitContext(ctx)
		if err == nil && !taken {
			err = errOther
		}
		return 1, err
	}, nil
}
