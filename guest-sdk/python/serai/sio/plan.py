"""What a class declares, ready to be used in each of its calls."""

from serai.sio import options
from serai.sio.input import Input
from serai.sio.output import Output

_INPUT = ("input", "input_required", "input_optional")
_OUTPUT = ("output", "output_required", "output_optional")


class Plan:
    """The input and the output that a class declares; either may be None."""

    __slots__ = ("input", "output")

    def __init__(self, input, output):
        self.input, self.output = input, output

    def begin(self, service):
        """Give a service its input. BadRequest if it is not what is declared."""
        request = service.request
        if self.input is not None:
            request.input = self.input.read(request, service)

    def end(self, response):
        """Make the payload of a response what is declared, unless it tells of an error."""
        output = self.output
        if output is None or response.status_code >= 400:
            return
        response._shape = output
        response.payload = output.write(response.value)


def compile_class(cls):
    """The plan of a service class; None if it declares nothing. What is
    wrong in the declaration raises an exception that names class and element."""
    declared, owner = options.declared(cls)
    has_input = any(name in declared for name in _INPUT)
    has_output = any(name in declared for name in _OUTPUT)
    if not has_input and not has_output:
        return None
    settings = options.Options(declared, owner)
    return Plan(Input(declared, settings, owner) if has_input else None, Output(declared, settings, owner) if has_output else None)
