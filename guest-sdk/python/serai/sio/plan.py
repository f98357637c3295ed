"""What a class declares, ready to be used in each of its calls."""

from serai import schema
from serai.sio import options
from serai.sio.input import Input
from serai.sio.output import Output
from serai.sio.problem import ModelValidationError

_INPUT = ("input", "input_required", "input_optional")
_OUTPUT = ("output", "output_required", "output_optional")


class Plan:
    """The schema, the input and the output that a class declares; each may be None."""

    __slots__ = ("schema", "input", "output")

    def __init__(self, schema, input, output):
        self.schema, self.input, self.output = schema, input, output

    def begin(self, service):
        """Give a service its input. BadRequest if it is not what is declared."""
        request = service.request
        if self.schema is not None:
            problems = self.schema.problems(request.objects())
            if problems:
                raise ModelValidationError(None, problems[0], problems)
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
    checked = schema.of_class(cls)
    if not has_input and not has_output:
        return None if checked is None else Plan(checked, None, None)
    settings = options.Options(declared, owner)
    return Plan(
        checked,
        Input(declared, settings, owner) if has_input else None,
        Output(declared, settings, owner) if has_output else None,
    )
