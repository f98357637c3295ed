"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("bz2 is not available in a Serai service: use zlib or gzip", name="bz2")
