"""A service that is a class: it counts visits in the key/value store.

    serai deploy service.py --name python-counter --route "GET /count/{page}" --route "DELETE /count/{page}"
"""

from serai import Service


class Counter(Service):

    name = 'python-counter'

    def handle_GET(self):
        page = self.request.http.params.page
        # incr writes only if no other call did in between, and else tries again.
        visits = self.kvdb.conn.incr('visits.' + page)
        self.logger.info('page %s, visit %d', page, visits)
        self.response.payload = {'page': page, 'visits': visits}

    def handle_DELETE(self):
        self.kvdb.conn.delete('visits.' + self.request.http.params.page)
        self.response.status_code = 204
