"""The service bench/service/join.py as a falcon application, for gunicorn.

Its validation is as short as plain Python can be, and its session keeps
connections to the systems open.
"""

import os

import falcon
import requests

CRM = os.environ['CRM_URL']
PAYMENTS = os.environ['PAYMENTS_URL']

SESSION = requests.Session()
SESSION.trust_env = False
SESSION.mount('http://', requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=64))


def field(value, name, kind, path):
    if not isinstance(value, dict) or name not in value:
        raise falcon.HTTPBadRequest(description=f'element {path}/{name} is missing')
    if not isinstance(value[name], kind):
        raise falcon.HTTPBadRequest(description=f'element {path}/{name} is not of type {kind.__name__}')
    return value[name]


def validate(order):
    field(order, 'user_name', str, '')
    field(order, 'country', str, '')
    for i, item in enumerate(field(order, 'items', list, '')):
        path = f'/items[{i}]'
        field(item, 'sku', str, path)
        field(item, 'price', int, path)
        field(item, 'count', int, path)
    return order


class Join:

    def on_post(self, req, resp):
        order = validate(req.media)
        user = SESSION.get(CRM, params={'UserName': order['user_name']}, timeout=10).json()
        account = SESSION.post(PAYMENTS, json={'ACC_NUM': user['AccountNumber']}, timeout=10).json()
        net = sum(item['price'] * item['count'] for item in order['items'])
        resp.media = {
            'user_name': order['user_name'],
            'user_type': user['UserType'],
            'account_no': user['AccountNumber'],
            'account_balance': account['ACC_BALANCE'],
            'lines': len(order['items']),
            'net': net,
            'covered': net <= account['ACC_BALANCE'],
        }


app = falcon.App()
app.add_route('/bench/join', Join())
