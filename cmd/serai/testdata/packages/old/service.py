from importlib.metadata import version


def handle(request):
    return version("marshmallow")
