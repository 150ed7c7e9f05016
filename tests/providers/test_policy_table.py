"""THE policy table: whoever adds an error kind says there what follows from it."""

from apps.providers.errors import POLICY, ErrorKind


def test_every_kind_has_its_row():
    assert POLICY.keys() == set(ErrorKind)
