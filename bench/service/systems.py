"""Services that work with a database, Redis and a broker: each does its
operation as many times as the request says."""

from serai import Service

SELECT = 'SELECT id, customer, amount, created, paid FROM orders WHERE id = :id'
ORDERS = 10_000
VALUE = 'v' * 100
MESSAGE = {'order': 17, 'note': 'n' * 177}


class SQL(Service):
    name = 'bench.py-sql'

    def handle(self):
        db = self.out.sql['Orders']
        first = self.request.payload['first']
        for i in range(first, first + self.request.payload['times']):
            wanted = 1 + i * 7919 % ORDERS
            if db.one(SELECT, {'id': wanted}).id != wanted:
                raise ValueError('the row is another one')
        self.response.payload = {'ok': True}


class Redis(Service):
    name = 'bench.py-redis'

    def handle(self):
        conn = self.out.redis['Cache']
        key = f'bench:{self.request.payload["first"] % 16}'
        for _ in range(self.request.payload['times']):
            conn.set(key, VALUE)
            if conn.get(key) != VALUE:
                raise ValueError('the value is another one')
        self.response.payload = {'ok': True}


class Publish(Service):
    name = 'bench.py-publish'

    def handle(self):
        for _ in range(self.request.payload['times']):
            self.out.amqp.send(MESSAGE, 'Broker', exchange='bench', routing_key='none')
        self.response.payload = {'ok': True}


class Consume(Service):
    name = 'bench.py-consume'

    def handle(self):
        if self.request.payload['order'] != 17:
            raise ValueError('the message is another one')
