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
