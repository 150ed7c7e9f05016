"""What a refusal's sentence says in numbers: which metric was too much, and how much of it is allowed. Pure; the text is hostile.

"Rate limit reached for model `…` on tokens per minute (TPM): Limit 6000, Used 5900, Requested 300." is Groq's and OpenAI's sentence.
"""

import re
from typing import Final

from apps.core.state.keys import Metric, Span
from apps.core.state.periods import Period
from apps.providers.errors import Scope, ToldLimit
from apps.providers.types import Offer

PERIODS: Final[dict[str, Period]] = {
    "second": "second",
    "min": "minute",
    "minute": "minute",
    "hour": "hour",
    "day": "day",
}
METRIC: Final = re.compile(
    r"(?:\b(?P<metric>input tokens|output tokens|tokens|requests) ?(?:per|/) ?(?P<period>second|minute|min|hour|day)"
    r"\b|\((?P<short>[RT]P[MD])\))",
    re.IGNORECASE,
)
LIMIT: Final = re.compile(r"\bLimit:? (\d{1,12})\b", re.IGNORECASE)
SHORT: Final[dict[str, Span]] = {
    "RPM": Span("requests", "minute"),
    "RPD": Span("requests", "day"),
    "TPM": Span("tokens", "minute"),
    "TPD": Span("tokens", "day"),
}
FAR: Final = 80
"""Characters between the two: what is farther away may be about something else."""
MOST_TEXT: Final = 1000


def named_span(text: str) -> Span | None:
    """The window that a sentence names, None where it names none, or several."""
    found = {_span(match) for match in METRIC.finditer(text[:MOST_TEXT])}
    return found.pop() if len(found) == 1 else None


def told_limits(text: str, offer: Offer) -> tuple[ToldLimit, ...]:
    """The limit that stands behind the window that it is of: of the account where only that has a limit of such a length, else of the
    model: a number must not bind what it is not of."""
    text = text[:MOST_TEXT]
    found = METRIC.search(text)
    span = named_span(text)
    if found is None or span is None:
        return ()
    limit = LIMIT.search(text, found.end(), found.end() + FAR)
    if limit is None or not int(limit[1]):
        return ()
    limited = {window.scope for window in offer.subject.windows if window.limit and window.span == span}
    scope: Scope = "account" if limited == {offer.subject.credential} else "model"
    return (ToldLimit(span, int(limit[1]), scope),)


def metric_of(text: str, window: Period | None) -> Metric | None:
    """What was too much, where the sentence says so of that window."""
    span = named_span(text)
    return span.metric if span is not None and span.period == window else None


def _span(match: re.Match[str]) -> Span:
    if match["short"]:
        return SHORT[match["short"].upper()]
    return Span(match["metric"].lower().replace(" ", "_"), PERIODS[match["period"].lower()])
