package abi

// ChannelScheduler is the channel of a job whose time has come.
const ChannelScheduler = "scheduler"

// Fields of the envelope of a call that nobody waits for.
const (
	FieldInReplyTo = "in-reply-to" // of a callback: cid of the call that it is about
	FieldJobType   = "job-type"    // of a scheduled call: JobOneTime
	FieldJobName   = "job-name"    // of a scheduled call: the job's name
	FieldJobID     = "job-id"      // of a scheduled call: the cid that scheduling it returned
)

// JobOneTime is the type of a job that runs once.
const JobOneTime = "one_time"

// Operations that have services called without waiting.
const (
	// OpInvokeAsync takes service, header.content-type, cid, callback…,
	// expires, delay, job-name, and retry-times, retry-every, context; body → cid.
	OpInvokeAsync = "invoke.async"
	// OpInvokeGroup takes for each target one service, content-type and size,
	// and on-target…, on-final…, cid; the body holds the targets' bodies one
	// after the other → cid.
	OpInvokeGroup = "invoke.group"
)

// Fields of these operations.
const (
	FieldCallback   = "callback"     // service that gets the reply; may repeat
	FieldExpires    = "expires"      // milliseconds after which the call is not made any more
	FieldDelay      = "delay"        // milliseconds before which the call is not made
	FieldRetryTimes = "retry-times"  // how often a call that its service fails is made again
	FieldRetryEvery = "retry-every"  // milliseconds between these calls
	FieldContext    = "context"      // JSON that the callbacks of such a call get back
	FieldSize       = "size"         // bytes of a target's body
	FieldTargetType = "content-type" // of a target's body; "" if it has none
	FieldOnTarget   = "on-target"    // service that is called when a target has answered; may repeat
	FieldOnFinal    = "on-final"     // service that is called when all targets have answered; may repeat
)
