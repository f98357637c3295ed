package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
)

// Failure turns what ended an engine's call into an error with a code. task
// is what the service had to do within its limits, such as "answer".
func Failure(err error, task string, limits host.Limits) error {
	var (
		trap  *engine.Trap
		exit  *engine.Exit
		coded *host.Error
	)
	switch {
	case errors.As(err, &coded):
		return err
	case errors.Is(err, engine.ErrCPU):
		return &host.Error{
			Code: abi.Limit, Err: err,
			Message: fmt.Sprintf("the service used more processor time than its limit of %s", limits.CPU),
		}
	case errors.Is(err, context.DeadlineExceeded):
		return &host.Error{
			Code: abi.Timeout, Err: err,
			Message: fmt.Sprintf("the service did not %s within its limit of %s", task, limits.Timeout),
		}
	case errors.Is(err, context.Canceled):
		return &host.Error{Code: abi.Cancelled, Message: "the caller went away", Err: err}
	case errors.As(err, &trap):
		return &host.Error{
			Code: abi.Failed, Message: "the service failed", Err: err,
			Detail: &host.GuestFailure{Type: "Trap", Message: trap.Reason, Traceback: trap.Backtrace},
		}
	case errors.As(err, &exit):
		return &host.Error{
			Code: abi.Failed, Message: "the service failed", Err: err,
			Detail: &host.GuestFailure{Type: "Exit", Message: fmt.Sprintf("the program exited with status %d", exit.Status)},
		}
	default:
		return fmt.Errorf("running the service: %w", err)
	}
}
