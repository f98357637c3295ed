package abi

// Fields of a request's envelope.
const (
	FieldCID        = "cid"         // correlation id of the call
	FieldService    = "service"     // name of the service
	FieldVersion    = "version"     // digest of the version that runs
	FieldTenant     = "tenant"      // name of the tenant
	FieldChannel    = "channel"     // one of the Channel… values
	FieldBegan      = "began"       // when the host handed the call to the service: nanoseconds since 1970
	FieldMethod     = "method"      // HTTP method, upper case
	FieldPath       = "path"        // path of the request, decoded
	FieldRawQuery   = "raw-query"   // query string as received
	FieldRoute      = "route"       // pattern that matched, such as "GET /user/{id}"
	FieldHost       = "host"        // host that the client named
	FieldRemoteAddr = "remote-addr" // address of the client
	FieldPrincipal  = "principal"   // who authenticated
	FieldDebug      = "debug"       // how much a failure shall tell: "traceback", or "locals" for local values too
	PrefixHeader    = "header."     // header.<lower-case-name>
	PrefixParam     = "param."      // param.<name>: path parameters
	PrefixQuery     = "query."      // query.<name>, decoded; may repeat
)

// Fields of a request whose client met a security definition.
const (
	FieldSecurityType = "security-type" // of the definition, such as basic
	FieldSecurityName = "security-name" // its name
)

// Fields of a request that came by a configured channel. All but the first
// are there only where the channel says so.
const (
	FieldChannelName       = "channel-name"
	FieldDataFormat        = "data-format"         // json, xml, csv, form or raw
	FieldReplyContentType  = "reply-content-type"  // of a reply that sets none
	FieldMergeParams       = "merge-params"        // "0": path and query parameters are no part of the input
	FieldParamsPriority    = "params-priority"     // "msg-over-channel-params": an element of the message wins over a parameter of its name
	FieldURLParamsPriority = "url-params-priority" // "qs-over-path": a query parameter wins over a path parameter of its name
)

// Channels, the ways in which a call arrives.
const (
	ChannelHTTP    = "http"    // the gateway
	ChannelInvoke  = "invoke"  // another service waits for the reply
	ChannelAsync   = "async"   // nobody waits for the reply
	ChannelControl = "control" // the control API's invoke
	ChannelAMQP    = "amqp"    // a message of a queue
	ChannelSQL     = "sql"     // a notification of a database
	ChannelRedis   = "redis"   // an entry of a stream, or what was published
)

// PrefixMessage precedes what the system says of the message that a call is
// about, such as message.correlation-id.
const PrefixMessage = "message."

// HeaderDisposition is the field of a reply that says what becomes of the
// message that the call was about: one of the Disposition… values. Without it
// a status below 400 is DispositionAck and any other DispositionRetry.
const HeaderDisposition = "serai-disposition"

// What a reply does with the message that the call was about.
const (
	DispositionAck    = "ack"    // it is dealt with
	DispositionReject = "reject" // it goes where messages go that keep failing
	DispositionRetry  = "retry"  // the service has failed, as with an error
)

// Fields of a reply's envelope, besides header.<name>.
const (
	FieldStatus         = "status"          // HTTP status, default 200
	FieldErrorType      = "error.type"      // such as ValueError
	FieldErrorMessage   = "error.message"   // one line
	FieldErrorTraceback = "error.traceback" // for the author, never for API clients
	FieldErrorFile      = "error.file"
	FieldErrorLine      = "error.line"
	FieldErrorCIDHeader = "error.cid-header" // header of the HTTP reply that shall have the correlation id too
)

// Fields of the envelope that ExportInit gets. With FieldService the upload is
// that one service; without it, its services have names of their own, and the
// body of init's reply says which: {"services": [{"name": …}]}.
const (
	FieldEntry  = "entry"  // path of a source file to load, /app/service.py; may repeat
	FieldClass  = "class"  // class or function to pick, if the author named one
	FieldUpload = "upload" // what the upload is called, for names of services
)

// Operations of the host itself behind [FnCall], and that of HTTP: values of
// FieldOp in the call's envelope. docs/connectors/ has the fields and bodies of all
// operations, as the connectors describe them.
const (
	FieldOp = "op"

	OpKVGet       = "kv.get"
	OpKVSet       = "kv.set"
	OpKVDelete    = "kv.delete"
	OpKVExpire    = "kv.expire"
	OpKVList      = "kv.list"
	OpKVClear     = "kv.clear"
	OpKVBatch     = "kv.batch"
	OpLockAcquire = "lock.acquire"
	OpLockRelease = "lock.release"
	OpEncrypt     = "crypto.encrypt"
	OpDecrypt     = "crypto.decrypt"
	OpHash        = "crypto.hash"
	OpVerify      = "crypto.verify"
	OpConfigGet   = "config.get"
	OpConfigList  = "config.list"
	OpHTTPRequest = "http.request"
	OpInvoke      = "invoke"
	OpInvokeAsync = "invoke.async"
	OpInvokeGroup = "invoke.group"
)

// Fields of these operations that more than their connectors know.
const (
	FieldArea       = "area"
	FieldKey        = "key"
	FieldPrefix     = "prefix"
	FieldAfter      = "after"
	FieldLimit      = "limit"
	FieldNext       = "next"
	FieldTTL        = "ttl"
	FieldKeepTTL    = "keep-ttl"
	FieldLength     = "length"
	FieldIfRevision = "if-revision"
	FieldRevision   = "revision"
	FieldDeleted    = "deleted"
	FieldName       = "name"
	FieldConnection = "connection"
	FieldURL        = "url"
	FieldSimilar    = "similar"
	FieldTimeout    = "timeout"
)

// Fields that any operation may have. They are about the way of a body between
// guest and host, and connectors do not see them.
const (
	FieldStreamReply  = "stream-reply"  // "1": the result's body may stream, its length being UnknownLength
	FieldStreamBody   = "stream-body"   // where the rest of the body comes from: a handle, or StreamWrite. Of a reply too
	FieldStreamLength = "stream-length" // bytes that such a body has in all, if that is known
)

// StreamWrite in FieldStreamBody says that the guest writes the body.
const StreamWrite = "write"

// OpFinish ends the body of an operation that the guest has written and waits
// for its result, which has the same handle.
const (
	OpFinish    = "finish" // handle → the operation's own
	FieldHandle = "handle"
)
