"""What this installation alone can read: AES-256-GCM under keys that are derived from the master keys, one for each purpose.

A purpose says what is sealed and for whom, so that what was sealed for one is noise to another. The first master key seals, all of them
open. For what travels through clients, and what is held in memory; provider keys at rest are `crypto`'s.
"""

import hmac
import os
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured

from apps.core import master_keys

PREFIX: Final = b"sealed: "
NONCE_BYTES: Final = 12


def seal(data: bytes, purpose: str) -> bytes:
    """Nonce and ciphertext: 28 bytes more than `data`. Raises ImproperlyConfigured before there is a master key."""
    keys = master_keys.current()
    if not keys:
        raise ImproperlyConfigured("There is no master key yet: run `manage.py setup`.")
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(keys[0], purpose).encrypt(nonce, data, None)


def unseal(sealed: bytes, purpose: str) -> bytes | None:
    """What was sealed for that purpose with any of the master keys; None for anything else."""
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    if len(nonce) < NONCE_BYTES:
        return None
    for key in master_keys.current():
        try:
            return _cipher(key, purpose).decrypt(nonce, text, None)
        except InvalidTag:
            continue
    return None


def _cipher(master_key: str, purpose: str) -> AESGCM:
    return AESGCM(hmac.digest(master_key.encode(), PREFIX + purpose.encode(), sha256))
