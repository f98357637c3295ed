"""What the services of the connectors' benchmark do, in native CPython with
the client that the field uses.

    python3 systems.py SYSTEM HOST:PORT THREADS SECONDS

SYSTEM is sql (psycopg2), sql3 (psycopg 3), redis (redis-py), publish or
consume (pika). Each thread has a connection of its own, as pooled ones would
be. Prints the operations per second; consume works until it is ended.
"""

import itertools
import json
import sys
import threading
import time

SELECT = 'SELECT id, customer, amount, created, paid FROM orders WHERE id = %s'
ORDERS = 10_000
VALUE = 'v' * 100
MESSAGE = {'order': 17, 'note': 'n' * 177}


def sql(host, port):
    import psycopg2

    connection = psycopg2.connect(host=host, port=port, user='test', dbname='postgres')
    return statements(connection, connection.cursor())


def sql3(host, port):
    import psycopg

    connection = psycopg.connect(host=host, port=port, user='test', dbname='postgres')
    return statements(connection, connection.cursor())


def statements(connection, cursor):
    connection.autocommit = True
    ids = itertools.count()

    def one():
        wanted = 1 + next(ids) * 7919 % ORDERS
        cursor.execute(SELECT, (wanted,))
        if cursor.fetchone()[0] != wanted:
            raise ValueError('the row is another one')
        return 1

    return one


CLIENT = None


def redis(host, port):
    import redis as library

    global CLIENT
    CLIENT = CLIENT or library.Redis(host=host, port=port, decode_responses=True)  # pools connections
    client, key = CLIENT, f'bench:{threading.get_ident()}'

    def one():
        client.set(key, VALUE)
        if client.get(key) != VALUE:
            raise ValueError('the value is another one')
        return 2

    return one


def channel(host, port):
    import pika

    return pika.BlockingConnection(pika.ConnectionParameters(host=host, port=port)).channel()


def publish(host, port):
    import pika

    open_channel = channel(host, port)
    open_channel.confirm_delivery()
    properties = pika.BasicProperties(content_type='application/json', delivery_mode=1)

    def one():
        open_channel.basic_publish('bench', 'none', json.dumps(MESSAGE).encode(), properties)
        return 1

    return one


def consume(host, port):
    def handle(channel, method, properties, body):
        if json.loads(body)['order'] != 17:
            raise ValueError('the message is another one')
        channel.basic_ack(method.delivery_tag)

    open_channel = channel(host, port)
    open_channel.basic_qos(prefetch_count=16)
    open_channel.basic_consume('bench', handle)
    open_channel.start_consuming()


def main(system, address, threads, seconds):
    host, _, port = address.rpartition(':')
    if system == 'consume':
        consume(host, int(port))
    counts, ready = [], threading.Barrier(threads + 1)

    def work():
        one = globals()[system](host, int(port))
        for _ in range(20):  # for caches
            one()
        ready.wait(60)
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            count += one()
        counts.append(count)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait(60)
    began = time.monotonic()
    for worker in workers:
        worker.join()
    if len(counts) != threads:
        sys.exit('a thread failed')
    print(sum(counts) / (time.monotonic() - began))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
