"""THE policy table: whoever adds an error kind says there what follows from it."""

from apps.analytics.events import UNCHARGED
from apps.providers.errors import POLICY, ErrorKind
from apps.providers.health import CLOSINGS


def test_every_kind_has_its_row():
    assert POLICY.keys() == set(ErrorKind)


def test_the_ledger_leaves_out_what_upstreams_do_not_count():
    assert set(UNCHARGED) == {kind for kind, policy in POLICY.items() if policy.charges == "nothing"}


def test_what_closes_something_is_no_failure_and_goes_to_the_next():
    for kind in CLOSINGS:
        assert (POLICY[kind].health, POLICY[kind].falls_back, POLICY[kind].retries) == (
            "neutral",
            True,
            False,
        )
