"""Constants that services use, with the values that they have in Zato."""

from serai.data import Bunch


class NameId:
    """A constant with a name for people and an id."""

    def __init__(self, name, id=""):
        self.name, self.id = name, id or name


class NotGiven:
    """Stands for a value that was not given."""


class Attrs(type):
    """Constants of which has() tells whether one has a value."""

    @classmethod
    def has(cls, value):
        """Whether a constant of this class has the value."""
        return value in [one for name, one in vars(cls).items() if name.isupper()]


class DATA_FORMAT(Attrs):
    """Formats of requests and replies."""

    CSV = "csv"
    DICT = "dict"
    FIXED_WIDTH = "fixed-width"
    FORM_DATA = "form"
    HL7 = "hl7"
    JSON = "json"
    POST = "post"
    SOAP = "soap"
    XML = "xml"


class CHANNEL(Attrs):
    """Ways in which a service is called: self.channel.type."""

    AMQP = "amqp"
    DELIVERY = "delivery"
    FANOUT_CALL = "fanout-call"
    FANOUT_ON_FINAL = "fanout-on-final"
    FANOUT_ON_TARGET = "fanout-on-target"
    HTTP_SOAP = "http-soap"
    IBM_MQ = "websphere-mq"
    INTERNAL_CHECK = "internal-check"
    INVOKE = "invoke"
    INVOKE_ASYNC = "invoke-async"
    INVOKE_ASYNC_CALLBACK = "invoke-async-callback"
    IPC = "ipc"
    JSON_RPC = "json-rpc"
    NEW_INSTANCE = "new-instance"
    PARALLEL_EXEC_CALL = "parallel-exec-call"
    PARALLEL_EXEC_ON_TARGET = "parallel-exec-on-target"
    PUBLISH = "publish"
    SCHEDULER = "scheduler"
    SCHEDULER_AFTER_ONE_TIME = "scheduler-after-one-time"
    SERVICE = "service"
    SSO_USER = "sso-user"
    STARTUP_SERVICE = "startup-service"
    URL_DATA = "url-data"
    WEB_SOCKET = "web-socket"
    WORKER = "worker"
    ZMQ = "zmq"


class CONNECTION:
    """Directions of a connection."""

    CHANNEL = "channel"
    OUTGOING = "outgoing"


class SCHEDULER:
    """Types of jobs: self.job_type."""

    class JOB_TYPE(Attrs):
        """Types of jobs."""

        ONE_TIME = "one_time"
        INTERVAL_BASED = "interval_based"
        CRON_STYLE = "cron_style"

    class ON_MAX_RUNS_REACHED:
        """What becomes of a job that has run as often as it shall."""

        DELETE = "delete"
        INACTIVATE = "inactivate"


class SEC_DEF_TYPE:
    """Types of security definitions: self.channel.security.type."""

    APIKEY = "apikey"
    AWS = "aws"
    BASIC_AUTH = "basic_auth"
    JWT = "jwt"
    NTLM = "ntlm"
    OAUTH = "oauth"
    TLS_CHANNEL_SEC = "tls_channel_sec"
    TLS_KEY_CERT = "tls_key_cert"
    VAULT = "vault_conn_sec"
    WSS = "wss"
    XPATH_SEC = "xpath_sec"


class URL_TYPE:
    """Types of HTTP connections."""

    SOAP = "soap"
    PLAIN_HTTP = "plain_http"


class HTTP_SOAP:
    """Values of REST channels that stand for any."""

    UNUSED_MARKER = "unused"

    class ACCEPT:
        """Of the header Accept."""

        ANY = "*/*"
        ANY_INTERNAL = "haany"

    class METHOD:
        """Of the HTTP method."""

        ANY_INTERNAL = "hmany"


class PARAMS_PRIORITY:
    """What wins, a parameter of the URL or an element of the body."""

    CHANNEL_PARAMS_OVER_MSG = "channel-params-over-msg"
    MSG_OVER_CHANNEL_PARAMS = "msg-over-channel-params"
    DEFAULT = CHANNEL_PARAMS_OVER_MSG


class URL_PARAMS_PRIORITY:
    """What wins, a parameter of the path or of the query."""

    PATH_OVER_QS = "path-over-qs"
    QS_OVER_PATH = "qs-over-path"
    DEFAULT = QS_OVER_PATH


class SIMPLE_IO:
    """Names whose values SimpleIO converts."""

    class FORMAT(Attrs):
        """Formats of SimpleIO."""

        XML = "xml"
        JSON = "json"
        CSV = "csv"

    class INT_PARAMETERS:
        """Names of integers."""

        VALUES = ["id"]
        SUFFIXES = ["_count", "_id", "_size", "_timeout"]

    class BOOL_PARAMETERS:
        """Names of bools."""

        SUFFIXES = ["by_", "has_", "is_", "may_", "needs_", "should_"]


class KVDB(Attrs):
    """Parts of keys."""

    SEPARATOR = ":::"
    #: Nobody counts calls there: a key that begins so is never set.
    SERVICE_USAGE = "zato:stats:service:usage:"


class MISC:
    """What fits nowhere else."""

    DEFAULT_HTTP_TIMEOUT = 10
    SEPARATOR = ":::"


class CACHE:
    """Types of caches."""

    class TYPE:
        """Types of caches."""

        BUILTIN = "builtin"
        MEMCACHED = "memcached"


class ADAPTER_PARAMS:
    """When an adapter applies its parameters."""

    APPLY_AFTER_REQUEST = "apply-after-request"
    APPLY_BEFORE_REQUEST = "apply-before-request"


class INFO_FORMAT:
    """Formats of information about the platform."""

    DICT = "dict"
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


class BROKER:
    """Defaults of asynchronous calls, in seconds."""

    DEFAULT_EXPIRATION = 15


class PUBSUB:
    """Constants of topics."""

    class PRIORITY:
        """Priorities of messages."""

        DEFAULT = 5
        MIN = 1
        MAX = 9

    class HOOK_ACTION:
        """What a hook wants done with a message."""

        SKIP = "skip"
        DELETE = "delete"
        DELIVER = "deliver"


class WEB_SOCKET:
    """Constants of WebSocket channels."""

    class OUT_MSG_TYPE:
        """Kinds of messages."""

        CONNECT = "connect"
        MESSAGE = "message"
        CLOSE = "close"


class ContentType:
    """Media types."""

    FormURLEncoded = "application/x-www-form-urlencoded"


class SMTPMessage:
    """An e-mail; this host has no connections that send it."""

    def __init__(self, from_=None, to=None, subject="", body="", attachments=None, cc=None, bcc=None, is_html=False, headers=None,
                 charset="utf8", is_rfc2231=True):
        self.from_, self.to, self.subject, self.body = from_, to, subject, body
        self.attachments, self.cc, self.bcc = attachments or [], cc or [], bcc or []
        self.is_html, self.headers, self.charset, self.is_rfc2231 = is_html, headers or {}, charset, is_rfc2231

    def attach(self, name, contents):
        """Add an attachment."""
        self.attachments.append({"name": name, "contents": contents})


CONTENT_TYPE = Bunch(
    JSON="application/json", PLAIN_XML="application/xml", SOAP11="text/xml; charset=UTF-8", SOAP12="application/soap+xml; charset=utf-8",
)
Data_Format, Sec_Def_Type = DATA_FORMAT, SEC_DEF_TYPE
SECONDS_IN_DAY = 86400
SECRET_SHADOW = Secret_Shadow = "******"
TRACE1 = 6
ZATO_DEFAULT, ZATO_ERROR, ZATO_NONE, ZATO_OK, ZATO_WARNING = "ZATO_DEFAULT", "ZATO_ERROR", "ZATO_NONE", "ZATO_OK", "ZATO_WARNING"
ZATO_NOT_GIVEN = b"ZATO_NOT_GIVEN"
scheduler_date_time_format = "%Y-%m-%d %H:%M:%S"

__all__ = [name for name in globals() if name[:1] != "_" and name != "annotations"]
