"""What the HTTP benchmark asks for, as a service: it prices an order."""

from serai import Service

RATES = {'PL': 23, 'DE': 19, 'CY': 19}


class Price(Service):

    name = 'bench.price'

    def handle(self):
        order = self.request.payload
        net = sum(item['price'] * item['count'] for item in order['items'])
        tax = net * RATES[order['country']] // 100
        self.response.payload = {
            'user_name': order['user_name'],
            'lines': len(order['items']),
            'net': net,
            'tax': tax,
            'gross': net + tax,
            'skus': sorted(item['sku'] for item in order['items']),
        }
