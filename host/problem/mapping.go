package problem

import (
	"net/http"

	"github.com/seraihost/serai/abi"
)

// StatusCancelled is the status of a call whose caller went away; it is seen
// in logs and metrics only, since nobody reads the reply.
const StatusCancelled = 499

// kind is what all problems of one type share.
type kind struct {
	code   string
	status int
	title  string
}

// kinds maps a code to its kind; the index is the code.
var kinds = [...]kind{
	abi.OK:          {"internal", http.StatusInternalServerError, "Internal error"}, // no error is no problem
	abi.Failed:      {"failed", http.StatusInternalServerError, "The service failed"},
	abi.Invalid:     {"invalid", http.StatusBadRequest, "Invalid request"},
	abi.Denied:      {"denied", http.StatusForbidden, "Not allowed"},
	abi.NotFound:    {"not-found", http.StatusNotFound, "Not found"},
	abi.Conflict:    {"conflict", http.StatusConflict, "Conflict"},
	abi.TooLarge:    {"too-large", http.StatusRequestEntityTooLarge, "Too large"},
	abi.Timeout:     {"timeout", http.StatusGatewayTimeout, "Timed out"},
	abi.Unavailable: {"unavailable", http.StatusServiceUnavailable, "Unavailable, try again later"},
	abi.Limit:       {"limit", http.StatusInternalServerError, "A limit of the service was reached"},
	abi.Remote:      {"remote", http.StatusBadGateway, "A remote system answered with an error"},
	abi.Cancelled:   {"cancelled", StatusCancelled, "Cancelled"},
	abi.Unsupported: {"unsupported", http.StatusNotImplemented, "Not supported"},
	abi.Internal:    {"internal", http.StatusInternalServerError, "Internal error"},
}

func kindOf(code abi.Code) kind {
	if !code.Valid() {
		code = abi.Internal
	}
	return kinds[code]
}

// Status returns the HTTP status of a code.
func Status(code abi.Code) int { return kindOf(code).status }

// The problems of HTTP itself, which no call of a service ends with.
var edges = map[int]kind{
	http.StatusUnauthorized:                {"unauthenticated", http.StatusUnauthorized, "Credentials needed"},
	http.StatusMethodNotAllowed:            {"method-not-allowed", http.StatusMethodNotAllowed, "Method not allowed"},
	http.StatusRequestTimeout:              {"request-timeout", http.StatusRequestTimeout, "The request took too long to arrive"},
	http.StatusNotAcceptable:               {"not-acceptable", http.StatusNotAcceptable, "No acceptable media type"},
	http.StatusRequestURITooLong:           {"uri-too-long", http.StatusRequestURITooLong, "The request's URI is too long"},
	http.StatusTooManyRequests:             {"too-many-requests", http.StatusTooManyRequests, "Too many requests"},
	http.StatusRequestHeaderFieldsTooLarge: {"headers-too-large", http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large"},
	http.StatusHTTPVersionNotSupported:     {"http-version", http.StatusHTTPVersionNotSupported, "HTTP version not supported"},
}

// Edge returns a problem of HTTP itself: 401, 405, 406, 408, 414, 429, 431 or 505.
// Any other status is reported as internal.
func Edge(status int, detail, cid string) Problem {
	k, ok := edges[status]
	if !ok {
		k = kindOf(abi.Internal)
	}
	return Problem{Type: TypePrefix + k.code, Title: k.title, Status: k.status, Detail: detail, Code: k.code, CID: cid}
}
