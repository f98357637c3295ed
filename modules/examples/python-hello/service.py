"""The smallest service: a function.

    serai deploy service.py --name python-hello --route "GET /python/{name}"
"""


def handle(request):
    return {'hello': request.http.params.get('name', 'world'), 'cid': request.cid}
