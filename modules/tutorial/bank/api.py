"""The bank's API: one service that joins what two systems know of a user, and
tells a third one about some of them.

It is written for Zato 3.2 and runs here as it is.
"""

from zato.common.exception import BadRequest, NotFound
from zato.server.service import Service


class GetUserDetails(Service):
    """Returns the type of a user, the number of the account and its balance."""

    name = 'api.user.get-details'

    def handle(self):
        payload = self.request.payload
        user_name = payload.get('user_name') if isinstance(payload, dict) else None
        if not user_name:
            raise BadRequest(self.cid, 'user_name is missing')

        user_type, account_no = self.ask_crm(user_name)
        account_balance = self.ask_payments(user_name, account_no)

        # An operator sets a key for each type of users that is watched.
        if self.kvdb.conn.get(f'notify.fraud.{user_type}'):
            self.tell_fraud_detection(user_name, account_no)

        self.response.payload = {
            'user_name': user_name,
            'user_type': user_type,
            'account_no': account_no,
            'account_balance': account_balance,
        }

    def ask_crm(self, user_name):
        self.logger.info('Invoking CRM; u=%s', user_name)

        # Addresses and credentials belong to the connections: the service
        # only knows their names.
        response = self.out.rest['CRM'].conn.get(self.cid, {'UserName': user_name})
        if response.status_code == 404:
            raise NotFound(self.cid, 'There is no such user')
        response.raise_for_status()
        return response.data['UserType'], response.data['AccountNumber']

    def ask_payments(self, user_name, account_no):
        self.logger.info('Invoking Payments; u=%s, a=%s', user_name, account_no)

        response = self.out.rest['Payments'].conn.post(self.cid, params={'USER': user_name})
        response.raise_for_status()
        return response.data['ACC_BALANCE']

    def tell_fraud_detection(self, user_name, account_no):
        self.logger.info('Notifying Fraud detection; u=%s', user_name)

        message = f'{user_name} looked at account {account_no}'
        self.out.amqp.send(message, 'Fraud Detection Connection', '/tutorial', 'api')
