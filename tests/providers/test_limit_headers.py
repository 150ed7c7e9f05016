"""What rate-limit headers become for the state store."""

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Grant, Refusal, Report, Subject, Window
from apps.core.state.keys import Span
from apps.core.state.memory import MemoryStore
from apps.providers.catalogue_files import read_catalogue
from apps.providers.limit_headers import learnt_windows, reported
from apps.providers.presets import parse_preset
from apps.providers.quotas import TRANSIT_S
from apps.providers.types import Preset
from tests.factories import make_claim, make_offer
from tests.providers.azure_wire import AZURE

NOW = 1_785_600_030.0  # 30 s into a minute
MIDNIGHT = 1_785_628_800.0
PRESETS = {entry.name: parse_preset(entry.wire) for entry in read_catalogue()} | {"github": AZURE}


def window(provider, metric, unit, limit, *, account=False, kind="rolling"):
    scope = f"1:{provider}" if account else f"1:{provider}|m"
    return Window.of(scope, Span(metric, unit), limit, kind=kind)


def offer_with(provider, *windows):
    """An offer of a provider of the catalogue, or of one that nobody described."""
    return make_offer(
        provider=provider,
        model="m",
        preset=PRESETS.get(provider, Preset()),
        subject=Subject(f"1:{provider}", f"1:{provider}|m", windows),
    )


RPD = window("groq", "requests", "day", 1000)
TPM = window("groq", "tokens", "minute", 6000)
GROQ = offer_with("groq", window("groq", "requests", "day", 14_400, account=True), RPD, TPM)


def groq_headers(*, requests=900, tokens=5000, requests_reset="2m59.56s", tokens_reset="370ms"):
    return {
        "x-ratelimit-limit-requests": "1000",
        "x-ratelimit-limit-tokens": "6000",
        "x-ratelimit-remaining-requests": str(requests),
        "x-ratelimit-remaining-tokens": str(tokens),
        "x-ratelimit-reset-requests": requests_reset,
        "x-ratelimit-reset-tokens": tokens_reset,
    }


@pytest.mark.parametrize(
    "headers", [{}, {"date": "x"}, groq_headers(), groq_headers(requests=100, tokens=600)]
)
def test_says_nothing_while_a_tenth_is_left(headers):
    assert reported(headers, GROQ, NOW) == ()


def test_groqs_tokens_are_those_of_the_models_minute_until_a_tenth_has_refilled():
    headers = groq_headers(tokens=60, tokens_reset="59.4s")

    assert reported(headers, GROQ, NOW) == (Report(TPM, 60, NOW + 5.4),)  # 540 more at 100 a second


def test_groqs_requests_are_those_of_the_models_day_and_believed_for_a_minute_at_most():
    headers = groq_headers(requests=0, requests_reset="23h59m59s")

    assert reported(headers, GROQ, NOW) == (Report(RPD, 0, NOW + 60),)


def test_a_reset_that_is_nearer_than_the_refill_counts():
    headers = groq_headers(tokens=0, tokens_reset="825ms")

    assert reported(headers, GROQ, NOW) == (Report(TPM, 0, NOW + 0.825),)


def test_waits_for_a_whole_request_where_a_tenth_is_less_than_one():
    minute = window("cerebras", "requests", "minute", 5)
    headers = {
        "x-ratelimit-remaining-requests-minute": "0",
        "x-ratelimit-limit-requests-minute": "5",
        "x-ratelimit-reset-requests-minute": "58.2",
    }

    assert reported(headers, offer_with("cerebras", minute), NOW) == (Report(minute, 0, NOW + 12),)


@pytest.mark.parametrize("metric", ["requests", "tokens"])
@pytest.mark.parametrize(("unit", "until"), [("minute", 6.0), ("hour", 30.5), ("day", 30.5)])
def test_cerebras_reports_every_length_in_float_seconds(metric, unit, until):
    bucket = window("cerebras", metric, unit, 10_000)
    headers = {
        f"x-ratelimit-remaining-{metric}-{unit}": "0",
        f"x-ratelimit-limit-{metric}-{unit}": "10000",
        f"x-ratelimit-reset-{metric}-{unit}": "30.5",
    }

    assert reported(headers, offer_with("cerebras", bucket), NOW) == (Report(bucket, 0, NOW + until),)


def test_mistrals_minute_is_the_clocks():
    minute = window("mistral", "requests", "minute", 0, kind="fixed")
    headers = {"x-ratelimit-limit-req-minute": "23", "x-ratelimit-remaining-req-minute": "2"}

    assert reported(headers, offer_with("mistral", minute), NOW) == (Report(minute, 2, NOW + 30),)


def test_mistrals_month_ends_with_the_calendars():
    month = window("mistral", "tokens", "month", 10**9, kind="fixed")
    headers = {"x-ratelimit-limit-tokens-month": "1000000000", "x-ratelimit-remaining-tokens-month": "7"}

    (report,) = reported(headers, offer_with("mistral", month), NOW)

    assert report == Report(month, 7, 1_788_220_800.0)  # 1 September 2026, UTC


def test_coheres_trial_counts_calls_a_minute_and_states_no_reset():
    minute = window("cohere", "requests", "minute", 20)
    headers = {
        "x-trial-endpoint-call-limit": "20",
        "x-trial-endpoint-call-remaining": "1",
        "x-endpoint-monthly-call-limit": "1000",
    }

    assert reported(headers, offer_with("cohere", minute), NOW) == (Report(minute, 1, NOW + 3),)


@pytest.mark.parametrize(("reset", "unit"), [(NOW + 30, "minute"), (MIDNIGHT, "day")])
def test_openrouters_429_is_for_the_accounts_minute_or_day_by_its_reset_in_milliseconds(reset, unit):
    windows = {
        "minute": window("openrouter", "requests", "minute", 20, account=True),
        "day": window("openrouter", "requests", "day", 50, account=True, kind="fixed"),
    }
    headers = {
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": f"{reset * 1000:.0f}",
    }

    assert reported(headers, offer_with("openrouter", *windows.values()), NOW) == (
        Report(windows[unit], 0, reset),
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("UserByMinute", ("requests", "minute", True)),
        ("UserByModelByMinute", ("requests", "minute", False)),
        ("UserByModelByDay", ("requests", "day", False)),
    ],
)
def test_githubs_429_names_the_window(kind, expected):
    metric, unit, account = expected
    windows = [
        window("github", "requests", unit, 0, account=account)
        for unit in ("minute", "day")
        for account in (True, False)
    ]
    headers = {"x-ratelimit-type": kind, "x-ratelimit-timeremaining": "55", "retry-after": "55"}

    assert reported(headers, offer_with("github", *windows), NOW) == (
        Report(window("github", metric, unit, 0, account=account), 0, NOW + 55),
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-type": "UserConcurrentRequests", "x-ratelimit-timeremaining": "0"},
        {"x-ratelimit-type": "UserByMinute"},
        # What GitHub sends with every answer is not what binds.
        {"x-ratelimit-limit-requests": "20000", "x-ratelimit-remaining-requests": "0"},
    ],
)
def test_githubs_other_headers_say_nothing(headers):
    minute = window("github", "requests", "minute", 0, account=True)

    assert reported(headers, offer_with("github", minute), NOW) == ()


def test_sambanovas_reset_is_in_epoch_seconds():
    minute = window("sambanova", "requests", "minute", 20)
    headers = {
        "x-ratelimit-limit-requests": "20",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{NOW + 2:.0f}",
    }

    assert reported(headers, offer_with("sambanova", minute), NOW) == (Report(minute, 0, NOW + 2),)


@pytest.mark.parametrize(
    ("reset", "unit", "until"),
    [("1s", "minute", 1), ("6m0s", "day", 60), ("2026-08-01T16:00:32Z", "minute", 2), (None, "minute", 6)],
)
def test_a_server_that_nobody_described_is_read_as_openai(reset, unit, until):
    windows = {unit: window("mine", "requests", unit, 0, kind="rolling") for unit in ("minute", "day")}
    headers = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "0"}
    if reset:
        headers["x-ratelimit-reset-requests"] = reset

    (report,) = reported(headers, offer_with("mine", *windows.values()), NOW)

    assert (report.window, report.remaining) == (windows[unit], 0)
    assert report.resets_at == pytest.approx(NOW + until)


def test_two_windows_can_be_low_at_once():
    reports = reported(groq_headers(requests=1, tokens=1), GROQ, NOW)

    assert [report.window for report in reports] == [RPD, TPM]


@pytest.mark.parametrize("remaining", ["-1", "", "nan", "0x0", "1e3", "0.0", "٣", "9" * 400, "0, 0"])
def test_ignores_what_is_no_count(remaining):
    headers = groq_headers() | {"x-ratelimit-remaining-tokens": remaining}

    assert reported(headers, GROQ, NOW) == ()


@pytest.mark.parametrize("reset", ["soon", "", "9" * 400, "1h" * 200, "-5s", "nan"])
def test_a_reset_that_cannot_be_read_leaves_the_refill(reset):
    headers = groq_headers(tokens=0, tokens_reset=reset)

    assert reported(headers, GROQ, NOW) == (Report(TPM, 0, NOW + 6),)


def test_a_limit_of_zero_is_no_limit():
    headers = groq_headers(tokens=0) | {"x-ratelimit-limit-tokens": "0"}

    assert reported(headers, GROQ, NOW) == ()


def test_says_nothing_of_windows_that_the_offer_does_not_have():
    headers = groq_headers(requests=0, tokens=0)

    assert reported(headers, offer_with("groq"), NOW) == ()


def test_learns_the_windows_that_the_catalogue_does_not_know():
    known = (
        window("mistral", "requests", "minute", 0, account=True),
        window("mistral", "tokens", "minute", 500_000, kind="fixed"),
    )

    learnt = learnt_windows(PRESETS["mistral"], "1:mistral|m", known)

    assert learnt == tuple(
        replace(each, margin_s=TRANSIT_S)
        for each in (
            window("mistral", "requests", "minute", 0, kind="fixed"),
            window("mistral", "tokens", "month", 0, kind="fixed"),
        )
    )


def test_learns_nothing_where_all_is_known_or_nothing_is_reported():
    assert learnt_windows(PRESETS["groq"], "1:groq|m", GROQ.subject.windows) == ()
    assert learnt_windows(PRESETS["gemini"], "1:gemini|m", ()) == ()
    assert learnt_windows(PRESETS["openrouter"], "1:openrouter|m", ()) == ()


async def test_a_report_closes_a_learnt_window_until_the_minute_is_over():
    store = MemoryStore()
    windows = learnt_windows(PRESETS["mistral"], "1:mistral|m", ())
    offer = offer_with("mistral", *windows)
    headers = {"x-ratelimit-limit-req-minute": "2", "x-ratelimit-remaining-req-minute": "0"}

    assert isinstance(await store.acquire(make_claim(offer.subject, 5), NOW), Grant)
    await store.tighten(reported(headers, offer, NOW), NOW)

    assert await store.acquire(make_claim(offer.subject, 5), NOW) == Refusal(
        "quota", NOW + 30, windows[0].key
    )
    assert isinstance(await store.acquire(make_claim(offer.subject, 5), NOW + 30), Grant)


async def test_a_report_never_loosens_a_users_limit():
    store = MemoryStore()
    own = window("cohere", "requests", "minute", 1)
    offer = offer_with("cohere", own)
    headers = {"x-trial-endpoint-call-limit": "200", "x-trial-endpoint-call-remaining": "19"}

    await store.acquire(make_claim(offer.subject, 0), NOW)
    await store.tighten(reported(headers, offer, NOW), NOW)

    assert isinstance(await store.acquire(make_claim(offer.subject, 0), NOW + 3.5), Refusal)
