"""A service that waits for a slow system."""

from serai import Service


class Wait(Service):

    name = 'bench.wait'

    def handle(self):
        response = self.out.rest['Slow'].conn.get(self.cid)
        self.response.payload = {'status': response.status_code}
