// Package telemetry keeps what the host observes of services: the records of
// their logs in a [Book], and the counters of their calls in [Metrics].
//
// Both are bounded in memory and never make a call wait: what does not fit is
// dropped, the oldest first, and at the expense of the tenant that fills them.
package telemetry
