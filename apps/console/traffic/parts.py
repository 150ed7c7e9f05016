"""The break-downs of a reading: by provider, model, strategy, client key, outcome or kind of error, the most first."""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from apps.analytics.reports.reading import Reading
from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import Measures
from apps.console.client_names import called, names_of
from apps.console.error_words import happened
from apps.console.traffic.tiles import percent
from apps.providers.models import Provider

DIMENSIONS: Final[Mapping[str, str]] = {
    "provider": "Provider",
    "model": "Model",
    "strategy": "Strategy",
    "client": "Client key",
    "outcome": "Outcome",
    "error_kind": "Error kind",
}
OF_ATTEMPTS: Final = frozenset({"error_kind"})
"""Those that only attempts have: of a request that failed, or went on elsewhere."""
OUTCOMES: Final = {
    "success": "answered",
    "error": "failed at the provider",
    "cancelled": "the client went away",
    "interrupted": "FreeAI was stopped meanwhile",
    "refused": "no candidate could take it",
}
MOST: Final = 100


class Part(Struct, frozen=True):
    """A row. `key`: what an address says for it; `share`: of the largest, in per cent, as the bar has it."""

    key: str
    name: str
    note: str
    measures: Measures
    number: int
    share: str

    @property
    def ok_percent(self) -> float | None:
        """Of the attempts that came to an end."""
        ended = self.measures.attempts - self.measures.attempt_cancellations
        return 100 * self.measures.attempt_successes / ended if ended else None

    @property
    def ok(self) -> str:
        """The same in words."""
        return "–" if self.ok_percent is None else f"{percent(self.ok_percent)} %"

    @property
    def p50_ms(self) -> float | None:
        return next(sketch.percentiles(self.measures.latency, (50,)))

    @property
    def p95_ms(self) -> float | None:
        return next(sketch.percentiles(self.measures.latency, (95,)))

    @property
    def tokens(self) -> int:
        return self.measures.prompt_tokens + self.measures.completion_tokens

    @property
    def saved(self) -> int | None:
        """Micro-dollars; None where no price is known."""
        of = self.measures
        return None if of.attempts and of.saved_unknown == of.attempts else of.saved_microusd


def parts_of(reading: Reading, dimension: str, most: int = MOST) -> list[Part]:
    """At most `most` of them; a query at most, for names."""
    found = [
        (key, measures, _number(dimension, measures))
        for key, measures in reading.whole.parts.get(dimension, {}).items()
        if key or dimension in ("client", "strategy")
    ]
    found = [row for row in found if row[2]]
    found.sort(key=lambda row: (-row[2], row[0]))
    found = found[:most]
    names = _names(dimension, [key for key, _, _ in found])
    largest = max((number for _, _, number in found), default=1)
    return [
        Part(key, *_named(dimension, key, names), measures, number, f"{100 * number / largest:.1f}")
        for key, measures, number in found
    ]


def _number(dimension: str, measures: Measures) -> int:
    """What the rows are sorted by: requests, or attempts of what only those have."""
    return measures.attempts if dimension in OF_ATTEMPTS else measures.requests


def _names(dimension: str, keys: Iterable[str]) -> Mapping[str, str]:
    """Of rows elsewhere that the keys are numbers or names of."""
    if dimension == "provider":
        return dict(Provider.objects.filter(name__in=keys).values_list("name", "display_name"))
    if dimension == "client":
        numbers = [int(key) for key in keys if key]
        names = names_of(numbers)
        return {str(number): called(number, names) for number in numbers}
    return {}


def _named(dimension: str, key: str, names: Mapping[str, str]) -> tuple[str, str]:
    """A name, and a note beside it."""
    match dimension:
        case "client":
            return (names[key], "") if key else ("without a key", "")
        case "provider":
            return names.get(key) or key, ""
        case "strategy":
            return (key, "") if key else ("none", "a model was asked for by name")
        case "outcome":
            return key, OUTCOMES.get(key, "")
        case "error_kind":
            return key, happened(key)
    return key, ""
