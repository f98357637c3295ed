"""self.crypto: encryption and hashing, with keys that stay on the host.

What one service of a tenant encrypts, all services of that tenant can decrypt,
and nobody else.
"""

import base64
import binascii
import os
from typing import Any

from serai.errors import Invalid
from serai.host import call


class Crypto:
    """Encrypts, hashes and makes secrets."""

    def encrypt(self, data: str | bytes) -> bytes:
        """data, str or bytes, encrypted: bytes that are ASCII."""
        _, sealed = call("crypto.encrypt", body=data)
        return base64.urlsafe_b64encode(sealed)

    def decrypt(self, encrypted: str | bytes) -> str:
        """The str that was encrypted; Invalid if it was not, or not for this tenant."""
        return self.decrypt_bytes(encrypted).decode()

    def decrypt_bytes(self, encrypted: str | bytes) -> bytes:
        """The bytes that were encrypted."""
        try:
            sealed = base64.b64decode(encrypted, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Invalid("the data cannot be decrypted: it is not what encrypt returned") from None
        return call("crypto.decrypt", body=sealed)[1]

    def hash_secret(self, data: str | bytes, name: str = "default") -> str:
        """The hash of a password or key, by which it can be recognised but not found."""
        return call("crypto.hash", body=data)[1].decode()

    def verify_hash(self, given: str | bytes, expected: str, name: str = "default") -> bool:
        """Whether given is the password or key whose hash is expected."""
        envelope, _ = call("crypto.verify", "hash", expected, body=given)
        return envelope.get("verified") == "1"

    def generate_secret(self, bits: int = 256, as_str: bool = False) -> Any:
        """A random secret of so many bits: bytes that are ASCII, or a str."""
        secret = base64.urlsafe_b64encode(os.urandom(int(bits / 8)))
        return secret.decode() if as_str else secret

    def generate_password(self, bits: int = 192, to_str: bool = False) -> Any:
        """A random password of so many bits: bytes that are ASCII, or a str."""
        return self.generate_secret(bits, to_str)
