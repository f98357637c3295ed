"""A stand-in for the bank's customer relationship management: it answers
GET /crm/get-user?UserName=... with the type and the account of the user."""

from hashlib import sha256

from serai import Service

USERS = {
    'my.user': {'UserType': 'RGV', 'AccountNumber': '123456'},
    'jane.roe': {'UserType': 'SRT', 'AccountNumber': '987654'},
    'partner': {'UserType': 'PTR', 'AccountNumber': '555000'},
}


class GetUser(Service):

    name = 'crm.get-user'

    def handle(self):
        user_name = self.request.http.GET.get('UserName')
        if not user_name or user_name.startswith('no.'):
            self.response.status_code = 404
            self.response.payload = {'error': 'no such user'}
            return
        self.response.payload = USERS.get(user_name) or invented(user_name)


def invented(user_name):
    """Returns a user for any name, always the same one for a name."""
    number = int.from_bytes(sha256(user_name.encode()).digest()[:4]) % 900_000 + 100_000
    return {'UserType': 'RGV' if number % 2 else 'SRT', 'AccountNumber': str(number)}
