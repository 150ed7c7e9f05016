"""Thoughts that travel through clients: read here, for the key that they were told to, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.endpoints.responses.wire import thoughts

KEY = 7


@given(st.text(), st.integers(1, 3), st.integers(1, 3))
def test_a_thought_is_read_by_the_key_that_it_was_told_to(text, told_to, asked_by):
    token = thoughts.sealed(text, told_to)

    assert thoughts.opened(token, asked_by) == (text if told_to == asked_by else None)


@pytest.mark.parametrize(
    "token", [None, 5, "", "b3BhcXVl", "freeai1.", "freeai1.x", "freeai1.ÄÖ", "freeai1." + "A" * 80]
)
def test_what_is_no_thought_of_ours_is_none(token: object):
    assert thoughts.opened(token, KEY) is None
