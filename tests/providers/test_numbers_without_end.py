"""Numbers and dates of upstreams are hostile: none raises, and what they come to is within bounds."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.refusals.details import read_body
from apps.providers.adapters.refusals.waits import MAX_WAIT_S, retry_after_s, spent_windows
from apps.providers.limit_headers import reported
from tests.providers.test_limit_headers import GROQ

NOW = 1_785_542_400.0
GOOD_DATE = "Sat, 01 Aug 2026 00:00:00 GMT"
NASTY = [
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "Mon, 01 Jan 2030 00:00:00 +99999999999999",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2400",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "9" * 5_000,
    "9" * 5_000 + "d",
    "1" + "d1" * 2_000 + "d",
    "1e400",
    "-1",
    "nan",
    "inf",
    "0x10",
    "\u0663",
    "1.7976931348623157e308",
    "",
]
HEADERS = [
    "retry-after",
    "retry-after-ms",
    "date",
    "x-ratelimit-reset",
    "x-ratelimit-timeremaining",
    "x-ratelimit-reset-requests-minute",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-limit-requests",
]


def judge(headers: dict[str, str], body: bytes) -> None:
    """All that reads them."""
    wait = retry_after_s(headers, read_body(body))
    assert wait is None or 0 <= wait <= MAX_WAIT_S
    spent_windows(headers)
    for report in reported(headers, GROQ, NOW):
        assert report.resets_at is None or math.isfinite(report.resets_at)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_in_a_header(name, value):
    judge({"date": GOOD_DATE, "x-ratelimit-remaining-requests": "0", name: value}, b"{}")


@pytest.mark.parametrize(
    "member", ["retry_after", "retryDelay", "reset", "retry_after_seconds", "message", "code", "status"]
)
@pytest.mark.parametrize("value", [*NASTY, 10**18, -(10**18), 1e300, [], {}], ids=range(len(NASTY) + 5))
def test_in_a_body(member, value):
    judge(
        {"date": GOOD_DATE},
        orjson.dumps({"error": {member: value, "details": [{member: value}]}, member: value}),
    )


@given(
    st.dictionaries(st.sampled_from(HEADERS), st.text("0123456789.-+:TZ,e dhmsGMTJan", max_size=60)),
    st.text("0123456789.-+:TZ,e dhmsretyagainwt", max_size=200),
)
def test_in_any_mixture(headers, text):
    judge(headers, orjson.dumps({"error": {"message": text, "retry_after": text}}))
