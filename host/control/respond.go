package control

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
)

// fail answers an error as a problem document and logs the host's own faults.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	p := s.problem(c, err)
	if p.Status >= http.StatusInternalServerError && p.Failure == nil {
		s.log.ErrorContext(c.UserContext(), "control request failed", "method", c.Method(), "path", c.Path(),
			"code", p.Code, "cid", cid(c), "error", err)
	}
	if p.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(p.Retry))
	}
	if p.Status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="serai"`)
	}
	c.Set(fiber.HeaderContentType, problem.ContentType)
	return c.Status(p.Status).Send(p.JSON())
}

// problem turns an error into its document.
func (s *Server) problem(c *fiber.Ctx, err error) problem.Problem {
	var f *fiber.Error
	switch id := cid(c); {
	case errors.Is(err, errNoToken):
		return problem.Edge(http.StatusUnauthorized, "send a valid token: Authorization: Bearer TOKEN", id)
	case errors.As(err, &f):
		switch f.Code {
		case http.StatusNotFound:
			return problem.Of(abi.NotFound, "there is nothing at this path; see /openapi.json", id)
		case http.StatusRequestEntityTooLarge:
			return problem.Of(abi.TooLarge, "the request is too large", id)
		case http.StatusBadRequest:
			return problem.Of(abi.Invalid, "the request is malformed", id)
		default:
			return problem.Edge(f.Code, f.Message, id)
		}
	default:
		return problem.From(err, id).WithFailure(err)
	}
}

func errDraining() error {
	return host.Errorf(abi.Unavailable, "the host is shutting down")
}

// unready says why the host cannot serve, as an error to try again after.
func unready(err error) error {
	if host.CodeOf(err) == abi.Unavailable {
		return err
	}
	return &host.Error{Code: abi.Unavailable, Message: "the host is not ready: " + host.MessageOf(err), Err: err}
}
