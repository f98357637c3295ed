"""The smallest service, of which the benchmark deploys a thousand."""


def handle(request):
    return {'ok': True}
