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

// Operations behind [FnCall], the value of FieldOp in the call's envelope.
const (
	FieldOp = "op"

	OpKVGet       = "kv.get"         // area, key → revision, ttl; body is the value
	OpKVSet       = "kv.set"         // area, key, ttl or keep-ttl, if-revision; body is the value → revision
	OpKVDelete    = "kv.delete"      // area, key, if-revision → deleted ("0" or "1")
	OpKVExpire    = "kv.expire"      // area, key, ttl, if-revision → revision
	OpKVList      = "kv.list"        // area, prefix, after, limit → key…, next
	OpKVClear     = "kv.clear"       // area, prefix → deleted (how many)
	OpKVBatch     = "kv.batch"       // area, (get, set, delete, expire or check: a key; its fields)…; body → (revision, ttl, length)…; body
	OpLockAcquire = "lock.acquire"   // name, ttl, block → token
	OpLockRelease = "lock.release"   // name, token → released ("0" or "1")
	OpEncrypt     = "crypto.encrypt" // body → body
	OpDecrypt     = "crypto.decrypt" // body → body
	OpHash        = "crypto.hash"    // body is a secret → body is its hash
	OpVerify      = "crypto.verify"  // hash; body is a secret → verified ("0" or "1")
	OpConfigGet   = "config.get"     // key → body is the value
	OpConfigList  = "config.list"    // prefix → key…
	OpHTTPRequest = "http.request"   // connection, method, path, param.*, query.* or url instead, header.*, timeout, similar, redirects; body → status, header.*; body
	OpInvoke      = "invoke"         // service, timeout, header.content-type; body → status, header.*; body
)

// Fields of operations.
const (
	FieldArea       = "area" // "": the tenant's own keys
	FieldKey        = "key"
	FieldPrefix     = "prefix"
	FieldAfter      = "after"
	FieldLimit      = "limit"
	FieldNext       = "next"
	FieldTTL        = "ttl"         // milliseconds
	FieldKeepTTL    = "keep-ttl"    // "1": expire when the old value would have
	FieldLength     = "length"      // bytes of the body that belong to a step of a batch
	FieldIfRevision = "if-revision" // "0": the key must not exist
	FieldRevision   = "revision"
	FieldDeleted    = "deleted"
	FieldName       = "name"     // of a lock
	FieldBlock      = "block"    // milliseconds to wait for a lock
	FieldToken      = "token"    // of a lock's holder
	FieldReleased   = "released" // "1": the lock was the caller's
	FieldHash       = "hash"     // of a secret
	FieldVerified   = "verified" // "1": the secret is the one that was hashed
	FieldConnection = "connection"
	FieldURL        = "url"       // whole; instead of connection, path and query.*
	FieldSimilar    = "similar"   // "1": the connection's name may differ in case and in what is no letter or digit
	FieldRedirects  = "redirects" // "0": a redirect is the reply
	FieldTimeout    = "timeout"   // milliseconds
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
