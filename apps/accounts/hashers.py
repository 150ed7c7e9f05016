"""Argon2 for passwords, with an end to the memory that hashing may take at once."""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 4
_turns = threading.BoundedSemaphore(AT_ONCE)


class BoundedArgon2(Argon2PasswordHasher):
    """RFC 9106's second recommended parameters: 64 MiB a hash, and `AT_ONCE` of them at most in a process.

    Anybody may ask for a hash by asking to sign in, and under ASGI every request has a thread of its own.
    """

    time_cost = 3
    memory_cost = 64 * 1024
    parallelism = 4

    def encode(self, password: str, salt: str) -> str:
        """As Django's."""
        with _turns:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """As Django's."""
        with _turns:
            return super().verify(password, encoded)
