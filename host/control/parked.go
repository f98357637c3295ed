package control

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

const (
	parkedTimeout = 30 * time.Second // bounds the work on messages that were put aside
	maxParked     = 1000             // that are listed
)

// listParked lists what a channel has put aside.
func (s *Server) listParked(c *fiber.Ctx) error {
	var out struct {
		Parked []host.ParkedMessage `json:"parked"`
	}
	most := c.QueryInt("limit", 100)
	if most < 1 || most > maxParked {
		return host.FieldErrorf("limit", "limit is %d: use 1 to %d", most, maxParked)
	}
	err := s.withIntake(c, func(ctx context.Context, v host.Channel) error {
		all, err := s.cfg.Intake.Parked(ctx, v, most)
		out.Parked = list(all)
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(out)
}

// retryParked gives messages back to their channel.
func (s *Server) retryParked(c *fiber.Ctx) error { return s.settleParked(c, true) }

// dropParked deletes messages.
func (s *Server) dropParked(c *fiber.Ctx) error { return s.settleParked(c, false) }

func (s *Server) settleParked(c *fiber.Ctx, retry bool) error {
	var out struct {
		Messages int `json:"messages"`
	}
	id := string([]byte(c.Query("id")))
	err := s.withIntake(c, func(ctx context.Context, v host.Channel) (err error) {
		out.Messages, err = s.cfg.Intake.Settle(ctx, v, id, retry)
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(out)
}

// withIntake calls fn with the channel of a request.
func (s *Server) withIntake(c *fiber.Ctx, fn func(ctx context.Context, v host.Channel) error) error {
	name, err := param(c, "name")
	if err != nil {
		return err
	}
	v, err := s.cfg.Catalog.Channel(c.UserContext(), tenantOf(c).Name, name)
	if err != nil {
		return missing(err, "channel", name)
	}
	if s.cfg.Intake == nil {
		return host.Errorf(abi.Unsupported, "this host receives no messages")
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), parkedTimeout)
	defer cancel()
	return fn(ctx, v)
}
