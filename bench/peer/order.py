"""The service bench/service/order.py as a falcon application, for gunicorn."""

import falcon

RATES = {'PL': 23, 'DE': 19, 'CY': 19}


class Price:

    def on_post(self, req, resp):
        order = req.media
        net = sum(item['price'] * item['count'] for item in order['items'])
        tax = net * RATES[order['country']] // 100
        resp.media = {
            'user_name': order['user_name'],
            'lines': len(order['items']),
            'net': net,
            'tax': tax,
            'gross': net + tax,
            'skus': sorted(item['sku'] for item in order['items']),
        }


app = falcon.App()
app.add_route('/bench/price', Price())
