"""The stored keys as one load of the catalogue read them: a master key that is taken away closes no account that is open."""

from apps.core import master_keys
from apps.core.crypto import WrongMasterKeyError, decrypt
from apps.providers.types import Secret


class SealedKeys:
    """Secrets by their ciphertext. `before`: those of the load before this one, whose ciphertexts need no master key any more."""

    def __init__(self, before: "SealedKeys | None" = None) -> None:
        self._before = before._opened if before is not None else {}
        self._opened: dict[str, Secret] = {}
        self._in_vain: list[str] | None = None

    def open(self, ciphertext: str) -> Secret:
        """Raises WrongMasterKeyError."""
        try:
            secret = Secret(decrypt(ciphertext))
        except WrongMasterKeyError:
            known = self._before.get(ciphertext)
            if known is None:
                self._in_vain = master_keys.current()
                raise
            secret = known
        self._opened[ciphertext] = secret
        return secret

    def may_be_read_now(self) -> bool:
        """Whether there are other master keys than those that could not open a key."""
        return self._in_vain is not None and self._in_vain != master_keys.current()
