"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("ctypes is not available in a Serai service: there is no native code, only pure Python and the standard library", name="ctypes")
