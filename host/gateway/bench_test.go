package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
)

const benchRequest = "POST /api/v1/user/17?verbose=1 HTTP/1.1\r\nHost: localhost:17010\r\nUser-Agent: bench/1\r\nAccept: */*\r\n" +
	"Content-Type: application/json\r\n%sContent-Length: 16\r\n\r\n{\"user_id\":\"17\"}"

// drive sends b.N requests over one connection, a batch at a time.
func drive(b *testing.B, c net.Conn, request string) {
	b.Helper()
	const batch = 16
	defer c.Close()
	br := bufio.NewReaderSize(c, 64<<10)
	many := strings.Repeat(request, batch)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += batch {
		if _, err := io.WriteString(c, many); err != nil {
			b.Fatal(err)
		}
		for range batch {
			for { // headers, then the two bytes of the body
				line, err := br.ReadSlice('\n')
				if err != nil {
					b.Fatal(err)
				}
				if len(line) == 2 {
					break
				}
			}
			if _, err := br.Discard(2); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
}

func BenchmarkGateway(b *testing.B) {
	for name, auth := range map[string]string{"open": "", "basic": basic("u", "p")} {
		b.Run(name, func(b *testing.B) {
			route := host.Route{Method: "POST", Path: "/api/v1/user/{id}"}
			if auth != "" {
				route.Auth = "b"
			}
			reply := &host.Reply{Body: []byte("ok")}
			_, addr := start(b, gateway.Config{Invoker: invoker(func(context.Context, *host.Call) (*host.Reply, error) { return reply, nil })}, bind(route),
				gateway.NewDefinitions([]host.AuthDefinition{{Tenant: "t", Name: "b", Type: host.AuthBasic, Username: "u", Hash: hash(b, "p")}}))
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			drive(b, c, strings.Replace(benchRequest, "%s", auth, 1))
		})
	}
}

// BenchmarkBareFiber is what the gateway's numbers compare with.
func BenchmarkBareFiber(b *testing.B) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/api/v1/user/:id", func(c *fiber.Ctx) error { return c.SendString("ok") })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	drive(b, c, strings.Replace(benchRequest, "%s", "", 1))
	if err := app.Shutdown(); err != nil {
		b.Fatal(err)
	}
	if err := <-served; err != nil {
		b.Fatal(err)
	}
}
