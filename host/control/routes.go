package control

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// access says who may use a route.
type access int

const (
	public         access = iota // everybody, without a token
	anyToken                     // whoever has a token; the answer is scoped by it
	operatorOnly                 // the operator
	ownTenant                    // the operator and the tenant in the path
	tenantOperator               // the operator; the tenant in the path learns that it may not
)

// route is one operation of the API; path is in OpenAPI's notation.
type route struct {
	method, path string
	access       access
	do           fiber.Handler
}

const (
	tenantPath  = "/v1/tenants/{tenant}"
	servicePath = tenantPath + "/services/{service}"
)

// routes is the one list of what the API offers; openapi.json describes the
// same, and a test compares them.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/healthz", public, s.health},
		{"GET", "/readyz", public, s.ready},
		{"GET", "/openapi.json", public, s.openapi},
		{"GET", "/v1/version", public, s.version},
		{"GET", "/metrics", anyToken, s.metrics},

		{"GET", "/v1/tenants", anyToken, s.listTenants},
		{"POST", "/v1/tenants", operatorOnly, s.createTenant},
		{"GET", tenantPath, ownTenant, s.getTenant},
		{"PATCH", tenantPath, tenantOperator, s.patchTenant},
		{"DELETE", tenantPath, tenantOperator, s.deleteTenant},
		{"POST", tenantPath + "/token", tenantOperator, s.rotateToken},

		{"POST", tenantPath + "/apply", ownTenant, s.apply},
		{"GET", tenantPath + "/export", ownTenant, s.export},

		{"GET", tenantPath + "/services", ownTenant, s.listServices},
		{"POST", tenantPath + "/services", ownTenant, s.deployAll},
		{"GET", servicePath, ownTenant, s.getService},
		{"PUT", servicePath, ownTenant, s.deploy},
		{"DELETE", servicePath, ownTenant, s.deleteService},
		{"GET", servicePath + "/source", ownTenant, s.getSource},
		{"GET", servicePath + "/versions", ownTenant, s.listVersions},
		{"POST", servicePath + "/rollback", ownTenant, s.rollback},
		{"POST", servicePath + "/invoke", ownTenant, s.invoke},
		{"GET", tenantPath + "/logs", ownTenant, s.logs},

		{"GET", tenantPath + "/channels", ownTenant, s.listChannels},
		{"GET", tenantPath + "/channels/{name}", ownTenant, s.getChannel},
		{"PUT", tenantPath + "/channels/{name}", ownTenant, s.putChannel},
		{"DELETE", tenantPath + "/channels/{name}", ownTenant, s.deleteChannel},
		{"GET", tenantPath + "/channels/{name}/parked", ownTenant, s.listParked},
		{"DELETE", tenantPath + "/channels/{name}/parked", ownTenant, s.dropParked},
		{"POST", tenantPath + "/channels/{name}/parked/retry", ownTenant, s.retryParked},

		{"GET", tenantPath + "/auth", ownTenant, s.listAuth},
		{"GET", tenantPath + "/auth/{name}", ownTenant, s.getAuth},
		{"PUT", tenantPath + "/auth/{name}", ownTenant, s.putAuth},
		{"DELETE", tenantPath + "/auth/{name}", ownTenant, s.deleteAuth},

		{"GET", tenantPath + "/connections", ownTenant, s.listConnections},
		{"GET", tenantPath + "/connections/{name}", ownTenant, s.getConnection},
		{"PUT", tenantPath + "/connections/{name}", ownTenant, s.putConnection},
		{"DELETE", tenantPath + "/connections/{name}", ownTenant, s.deleteConnection},
		{"POST", tenantPath + "/connections/{name}/ping", ownTenant, s.pingConnection},

		{"GET", tenantPath + "/connection-states", ownTenant, s.connectionStates},

		{"GET", tenantPath + "/config", ownTenant, s.listConfig},
		{"GET", tenantPath + "/config/{key}", ownTenant, s.getConfig},
		{"PUT", tenantPath + "/config/{key}", ownTenant, s.putConfig},
		{"DELETE", tenantPath + "/config/{key}", ownTenant, s.deleteConfig},

		{"GET", tenantPath + "/secrets", ownTenant, s.listSecrets},
		{"PUT", tenantPath + "/secrets/{name}", ownTenant, s.putSecret},
		{"DELETE", tenantPath + "/secrets/{name}", ownTenant, s.deleteSecret},

		{"GET", tenantPath + "/kv", ownTenant, s.listKeys},
		{"GET", tenantPath + "/kv/{key}", ownTenant, s.getKey},
		{"PUT", tenantPath + "/kv/{key}", ownTenant, s.putKey},
		{"DELETE", tenantPath + "/kv/{key}", ownTenant, s.deleteKey},
	}
}

// fiberPath turns "/v1/tenants/{tenant}" into "/v1/tenants/:tenant".
func fiberPath(path string) string {
	return strings.ReplaceAll(strings.ReplaceAll(path, "{", ":"), "}", "")
}
