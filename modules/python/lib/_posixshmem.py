"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("shared memory is not available in a Serai service: every call has an instance of its own; keep data in self.kvdb", name="_posixshmem")
