"""The same details of a user for other clients: the balance is in a database.

It is written for Zato 4.1 and runs here as it is.
"""

from zato.server.service import Service


class MyService(Service):
    """Returns the details of a user by name."""

    name = 'api.my-service'

    input = '-name'
    output = 'user_type', 'account_no', 'account_balance'

    def handle(self):
        name = self.request.input.name or 'partner'

        user = self.rest['CRM'].get(self.cid, {'UserName': name}).data

        row = self.out.sql['Billing'].one('SELECT account_balance FROM balance WHERE user_name = :name', {'name': name})

        self.logger.info('cid:%s Returning the details of %s', self.cid, name)

        self.response.payload.user_type = user['UserType']
        self.response.payload.account_no = user['AccountNumber']
        self.response.payload.account_balance = row['account_balance']
