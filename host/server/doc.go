// Package server is the composition root: it puts the parts of a host
// together and runs them.
//
//	s := server.New(server.Config{DataDir: "serai-data"})
//	err := s.Run(ctx) // until ctx ends; then it drains
//
// A data directory holds
//
//	operator.token  the operator's token, readable by its owner only
//	secrets.key     the key that secrets are encrypted with
//	store/          the catalogue and the tenants' keys (Badger)
//	queue/          asynchronous calls (NATS JetStream)
//	blobs/          uploads, named by their hash
//	images/         frozen memories, named by their hash
//	runtime/        which base image a language runtime has
//	cache/          compiled modules, unless they are in the user's cache directory
package server
