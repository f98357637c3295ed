"""A stand-in: importing what needs it says what to use instead."""

raise ImportError("multiprocessing is not available in a Serai service: there are no processes; use self.invoke_async(...) to have other services work", name="multiprocessing")
