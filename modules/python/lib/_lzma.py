"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("lzma is not available in a Serai service: use zlib or gzip", name="lzma")
