"""Fills the database of the bank's billing. It may be called again."""

from zato.server.service import Service

BALANCES = [
    {'name': 'my.user', 'balance': '357.9'},
    {'name': 'jane.roe', 'balance': '1024.0'},
    {'name': 'partner', 'balance': '89.1'},
]


class SetUp(Service):

    name = 'billing.set-up'

    def handle(self):
        billing = self.out.sql['Billing']
        billing.execute('CREATE TABLE IF NOT EXISTS balance (user_name TEXT PRIMARY KEY, account_balance TEXT NOT NULL)')
        billing.execute('INSERT INTO balance VALUES (:name, :balance) ON CONFLICT DO NOTHING', BALANCES)
