"""What is sealed opens for its purpose, here, and nowhere else."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from apps.core.sealing import seal, unseal


@given(st.binary(max_size=200))
def test_what_was_sealed_opens_for_its_purpose_alone(data):
    sealed = seal(data, "thought of 1")

    assert unseal(sealed, "thought of 1") == data
    assert unseal(sealed, "thought of 2") is None
    assert data not in sealed or len(data) < 3


@given(st.binary(max_size=60))
def test_what_was_not_sealed_here_does_not_open(data):
    assert unseal(data, "thought of 1") is None


def test_any_changed_byte_is_noticed():
    sealed = seal(b"So.", "x")

    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        assert unseal(bytes(changed), "x") is None


def test_the_first_master_key_seals_and_all_open(settings: Any):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FREEAI_MASTER_KEYS = [old]
    before = seal(b"before", "x")
    settings.FREEAI_MASTER_KEYS = [new, old]
    after = seal(b"after", "x")

    assert unseal(before, "x") == b"before"
    settings.FREEAI_MASTER_KEYS = [new]
    assert (unseal(before, "x"), unseal(after, "x")) == (None, b"after")


def test_nothing_is_sealed_before_set_up(settings: Any):
    settings.FREEAI_MASTER_KEYS = []

    with pytest.raises(ImproperlyConfigured):
        seal(b"", "x")
