"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("tkinter is not available in a Serai service: there is no screen", name="tkinter")
