"""What a sandboxed service does not have, why, and what to use instead.

Services written for Zato find names here that would reach around the sandbox,
or connections of types that this host has none of. Using one raises
:class:`Refused`; ``hasattr`` says False.
"""

from serai.errors import Unsupported


class Refused(Unsupported, AttributeError):
    """A service asked for what a sandbox does not have. The message says why and names the alternative."""


class RefusedModule(Unsupported, ModuleNotFoundError):
    """A service imported what a sandbox does not have. The message says why and names the alternative."""


_PROCESS = "a service runs in a sandbox of its own and cannot reach into the process that hosts it"
_SYSTEM = "this host has no connections of this type"
_REST = "use a REST connection, self.rest['name'], if the system has an HTTP API"

#: Attributes of a service: name to why and alternative.
SERVICE = {
    "server": (_PROCESS, "use self.invoke, self.config, self.kvdb, self.cache and self.rest, and `serai` for what concerns the host"),
    "worker_store": (_PROCESS, "use self.rest['name'] for connections and self.invoke for services"),
    "broker_client": (_PROCESS, "use self.invoke_async for work that nobody waits for"),
    "odb": ("the catalogue belongs to the host and holds what other tenants own", "use `serai export` or the control API; keep data of your own in self.kvdb"),
    "commands": ("there are no processes and no shell in a sandbox", "have the program behind an HTTP API and call it with self.rest['name'], or do the work in Python"),
    "email": (_SYSTEM, "use the HTTP API of a mail provider with self.rest['name']"),
    "cloud": (_SYSTEM, _REST),
    "aws": (_SYSTEM, _REST),
    "microsoft": (_SYSTEM, _REST),
    "salesforce": (_SYSTEM, _REST),
    "slack": (_SYSTEM, "use the Slack Web API with self.rest['Slack']"),
    "llm": (_SYSTEM, _REST),
    "im": (_SYSTEM, "use the HTTP API of Slack or Telegram with self.rest['name']"),
    "search": (_SYSTEM, "use the HTTP API of Elasticsearch or Solr with self.rest['name']"),
    "es": (_SYSTEM, "use the HTTP API of Elasticsearch with self.rest['name']"),
    "sms": (_SYSTEM, "use the HTTP API of an SMS provider with self.rest['name']"),
    "wsx": (_SYSTEM, "have clients call an HTTP route, and send with self.rest['name']"),
    "sso": ("this host has no user database of its own", "put a security definition on the channel; self.channel.security says who called"),
    "pubsub": ("this host has no topics yet", "use self.invoke_async, self.patterns.fanout and self.patterns.parallel, which are durable"),
    "publish": ("this host has no topics yet", "use self.invoke_async, self.patterns.fanout and self.patterns.parallel, which are durable"),
    "cassandra_conn": (_SYSTEM, "keep data in self.kvdb, or call a service in front of the database with self.rest['name']"),
    "cassandra_query": (_SYSTEM, "keep data in self.kvdb, or call a service in front of the database with self.rest['name']"),
    "mongodb": (_SYSTEM, "keep data in self.kvdb, or call a service in front of the database with self.rest['name']"),
    "definition": (_SYSTEM, "use self.invoke_async, which is durable"),
    "keysight": (_SYSTEM, _REST),
    "ibm_mq": (_SYSTEM, "use self.invoke_async, which is durable, or the REST API of IBM MQ with self.rest['name']"),
    "soap": (_SYSTEM, "post the envelope with self.rest['name'].post(self.cid, xml, headers={'Content-Type': 'text/xml'})"),
    "sap": (_SYSTEM, "use SAP's OData API with self.rest['SAP']"),
    "odata": (_SYSTEM, "an OData API is a REST one: use self.rest['name']"),
    "grpc": (_SYSTEM, _REST),
    "mllp": (_SYSTEM, _REST),
    "fhir": (_SYSTEM, "a FHIR API is a REST one: use self.rest['name']"),
    "as2": (_SYSTEM, _REST),
    "as4": (_SYSTEM, _REST),
    "rules": ("this host has no rule engine", "write the rules in Python"),
    "destination": ("this host has no destinations", "use self.rest['name'] and self.invoke_async"),
    "security": ("secrets stay on the host", "put the security definition on the connection; the host adds the credentials to each request"),
    "get_request_hash": ("replies are not cached by their requests", "use self.cache in handle"),
    "metrics": ("the host measures every service", "the operator sees its calls in GET /metrics of the control API; count what is yours with self.kvdb.conn.incr"),
    "msg": ("messages are plain Python objects", "use self.request.payload and xml.etree.ElementTree"),
    "notifs": (_SYSTEM, _REST),
    "stats": ("the host measures every service", "the operator sees its calls in GET /metrics of the control API"),
    "delivery": (_SYSTEM, "use self.invoke_async, which is durable"),
}

#: Attributes of self.out: types of connections to why and alternative.
OUT = {
    "soap": SERVICE["soap"],
    "ibm_mq": SERVICE["ibm_mq"],
    "wmq": SERVICE["ibm_mq"],
    "jms_wmq": SERVICE["ibm_mq"],
    "zmq": (_SYSTEM, "use self.invoke_async, which is durable"),
    "kafka": (_SYSTEM, "use Kafka's REST proxy with self.rest['name']"),
    "odoo": (_SYSTEM, "use Odoo's JSON-RPC API with self.rest['Odoo']"),
    "sap": SERVICE["sap"],
    "ldap": (_SYSTEM, _REST),
    "mongodb": SERVICE["mongodb"],
    "hl7": (_SYSTEM, _REST),
    "sftp": (_SYSTEM, _REST),
    "ftp": (_SYSTEM, _REST),
    "smb": (_SYSTEM, _REST),
    "es": SERVICE["es"],
    "search": SERVICE["search"],
    "email": SERVICE["email"],
    "sms": SERVICE["sms"],
    "slack": SERVICE["slack"],
    "wsx": SERVICE["wsx"],
    "vault": ("secrets stay on the host", "put the credentials into the connection, or ordinary values into self.config"),
    "graphql": (_SYSTEM, "a GraphQL API takes POST: use self.rest['name'].post(self.cid, {'query': ...})"),
    "grpc": SERVICE["grpc"],
    "cassandra": SERVICE["cassandra_conn"],
    "aws": SERVICE["aws"],
    "s3": SERVICE["aws"],
    "dropbox": SERVICE["cloud"],
    "jira": SERVICE["cloud"],
    "confluence": SERVICE["cloud"],
    "salesforce": SERVICE["salesforce"],
}

#: What the package zato has at home and not here: name to why and alternative.
ZATO = {
    "HTMLService": ("pages are text like any other", "set self.response.payload to the page and self.response.content_type to 'text/html'"),
    "JSONAdapter": ("adapters derive from RESTAdapter", "derive from RESTAdapter, with conn_name, method and get_request"),
    "AdminService": ("administration of the host is not for services", "use `serai`, `serai.yaml` or the control API"),
    "PubSubHook": SERVICE["pubsub"],
    "WSXHook": SERVICE["wsx"],
    "WSXAdapter": SERVICE["wsx"],
    "SOAPAdapter": SERVICE["soap"],
    "ODataAdapter": ("there is no adapter for OData", "derive from RESTAdapter"),
    "SAPAdapter": ("there is no adapter for SAP", "derive from RESTAdapter and call SAP's OData API"),
    "BusinessCentralAdapter": ("there is no adapter for Business Central", "derive from RESTAdapter and call its OData API"),
}

#: Modules and packages of Zato that are not here: name to why and alternative.
MODULES = {
    "zato.admin": ZATO["AdminService"],
    "zato.broker": SERVICE["broker_client"],
    "zato.cli": ZATO["AdminService"],
    "zato.client": ("a service calls others through the host", "use self.invoke, or self.rest['name'] for services elsewhere"),
    "zato.common.crypto": ("keys stay on the host", "use self.crypto"),
    "zato.common.hl7": SERVICE["mllp"],
    "zato.common.kvdb": ("the store is reached through the service", "use self.kvdb"),
    "zato.common.odb": SERVICE["odb"],
    "zato.common.pubsub": SERVICE["pubsub"],
    "zato.enclog": ("logs are the host's", "use self.logger, and self.crypto.encrypt for what must not be read there"),
    "zato.hl7v2": SERVICE["mllp"],
    "zato.server.base": SERVICE["server"],
    "zato.server.connection": (_PROCESS, "use self.rest and the other attributes of the service"),
    "zato.server.pattern": (_PROCESS, "use self.patterns"),
    "zato.sso": SERVICE["sso"],
}


def module(name):
    """The exception that refuses the import of a module of Zato."""
    parts = name.split(".")
    for n in range(len(parts), 1, -1):
        reason = MODULES.get(".".join(parts[:n]))
        if reason is not None:
            return RefusedModule(message(name, reason))
    missing = RefusedModule(f"there is no module {name}: docs/zato.md lists what there is of Zato")
    missing.name = name  # lets "from zato.common import NAME" look for a name that is no module
    return missing


def message(name, reason):
    """What is said about name for a reason out of one of the tables."""
    why, alternative = reason
    return f"{name} is not available: {why}; {alternative}"


class Refusal:
    """An attribute of a class that refuses."""

    def __init__(self, name, reason):
        self._message = message(name, reason)

    def __get__(self, obj, owner=None):
        raise Refused(self._message)


def attributes(table, prefix):
    """A class decorator: each name of table, unless the class has it, refuses."""

    def decorate(cls):
        for name, reason in table.items():
            if name not in cls.__dict__:
                setattr(cls, name, Refusal(f"{prefix}.{name}", reason))
        return cls

    return decorate


def base(name):
    """A class that nobody can derive from or make: the stand-in for a name of ZATO."""
    said = message(name, ZATO[name])

    def refuse(cls, *args, **kwargs):
        raise Refused(said)

    return type(name, (), {"__doc__": said, "__init_subclass__": classmethod(refuse), "__new__": refuse})
