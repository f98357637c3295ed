// Package pubsub gives the host durable queues: NATS JetStream embedded in
// the process, without a listening port.
//
// A queue is a stream with work-queue retention, synced to disk on every
// write. What was delivered and not acknowledged is not remembered across a
// restart, so that every message that is left is delivered again at once.
// Order is not kept.
package pubsub
