"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("sqlite3 is not available in a Serai service: it has no files of its own; keep data in self.kvdb or in a system behind a connection", name="sqlite3")
