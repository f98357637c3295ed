"""The bank's API: one service that joins what two systems know of a user.

It is deployed with the grants connection:CRM and connection:Payments, and a
route POST /api/v1/user behind Basic Auth.
"""

from serai import Service


class GetUserDetails(Service):

    name = 'api.user.get-details'

    def handle(self):

        payload = self.request.payload
        user_name = payload.get('user_name') if isinstance(payload, dict) else None
        if not user_name:
            self.response.status_code = 400
            self.response.payload = {'error': 'user_name is missing'}
            return

        # Addresses and credentials belong to the connections: the service
        # only knows their names.
        self.logger.info('Invoking CRM; u=%s', user_name)
        crm = self.out.rest['CRM'].conn.get(self.cid, {'UserName': user_name})
        if crm.status_code == 404:
            self.response.status_code = 404
            self.response.payload = {'error': 'no such user'}
            return
        self.check(crm, 'CRM')
        user_type, account_no = crm.data['UserType'], crm.data['AccountNumber']

        self.logger.info('Invoking Payments; u=%s', user_name)
        payments = self.out.rest['Payments'].conn.post(self.cid, {'ACC_NUM': account_no})
        self.check(payments, 'Payments')

        # A flag that an operator sets for a type of users.
        if self.kvdb.conn.get('notify.fraud.' + user_type):
            self.logger.warning('Notifying fraud detection; u=%s', user_name)

        self.response.payload = {
            'user_name': user_name,
            'user_type': user_type,
            'account_no': account_no,
            'account_balance': payments.data['ACC_BALANCE'],
        }

    def check(self, response, system):
        if response.status_code != 200:
            raise RuntimeError(f'{system} answered {response.status_code}')
