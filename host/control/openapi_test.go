package control

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"
)

// document is the parsed description and its router.
var document = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

func init() {
	openapi3filter.RegisterBodyDecoder("application/problem+json", openapi3filter.JSONBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
}

// validate holds a real response against the document.
func validate(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	router, err := document()
	if err != nil {
		t.Fatal(err)
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = "", "", ""
	route, params, err := router.FindRoute(req)
	if err != nil {
		return // no such route; the test knows what it wants then
	}
	if route.Operation.OperationID == "invoke" && resp.Header.Get(HeaderReply) != "" {
		return // the service's own reply
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(req.Context(), in); err != nil {
		t.Errorf("%s %s: the response is not as described: %v", req.Method, req.URL.Path, err)
	}
}

func TestDocumentAndRoutesAgree(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var described, registered []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	f := newFixture(t)
	names := strings.NewReplacer(":tenant", "{tenant}", ":service", "{service}", ":name", "{name}", ":key", "{key}")
	for _, r := range f.server.app.GetRoutes(true) {
		if r.Method != http.MethodHead {
			registered = append(registered, r.Method+" "+names.Replace(r.Path))
		}
	}
	sort.Strings(described)
	sort.Strings(registered)
	if diff := cmp.Diff(described, registered); diff != "" {
		t.Errorf("described (-) and registered (+) routes differ:\n%s", diff)
	}
}

func TestOperationsHaveNamesAndAnswers(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || seen[op.OperationID] || op.Summary == "" {
				t.Errorf("%s %s: needs an operationId of its own and a summary", method, path)
			}
			seen[op.OperationID] = true
			if op.Responses.Default() == nil {
				t.Errorf("%s %s: does not say how it fails", method, path)
			}
		}
	}
}
