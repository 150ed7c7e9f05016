"""What stands in for the catalogue's numbers with one credential: what its user set, and what the provider told of it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.state.keys import CONCURRENCY, Metric, Span
from apps.core.state.periods import NOW, ONCE, PeriodError, Unit, parse
from apps.providers.limits import MAX_LIMIT, METRICS, LimitsError

SHORT_FIELDS: Final[Mapping[str, Span]] = {
    "rpm_limit": Span("requests", "minute"),
    "rpd_limit": Span("requests", "day"),
    "tpd_limit": Span("tokens", "day"),
}
ANSWERED: Final[Mapping[Metric, tuple[Unit, ...]]] = dict.fromkeys(
    ("requests", "tokens"), ("second", "minute", "hour", "day", "month")
)
"""The windows that `limits` of the API always names: a promise to clients. Others are there where they are set."""
MAX_PERIODS = 20

Voice = Literal["header", "refusal", "account"]
"""Where a provider told a limit: in an answer's headers, in a refusal, or when it was asked of the account."""
LimitSource = Literal["declared", "override", "header", "learnt"]
"""Who says how much a window allows: the catalogue or an operator, the user, or the provider itself, in headers or otherwise."""


class Told(Struct, frozen=True):
    """What a provider said that a window allows, never 0. `at` is UTC epoch seconds."""

    limit: int
    source: Voice
    at: float


NO_TOLD: Final[Mapping[str, Mapping[Span, Told]]] = {}


class Overrides(Struct, frozen=True):
    """`by_span`: the user's own limits by metric and length, 0 for unlimited. `told`: what the provider said, by model ("" for the whole
    account). The others are the catalogue's."""

    by_span: Mapping[Span, int] = {}
    told: Mapping[str, Mapping[Span, Told]] = NO_TOLD

    @classmethod
    def of(
        cls,
        limits: Mapping[str, Mapping[str, int | None]],
        short_fields: Mapping[str, int | None],
        told: Mapping[str, Mapping[Span, Told]] = NO_TOLD,
    ) -> "Overrides":
        """Merge `limits` (validated) with rpm_limit, rpd_limit and tpd_limit.

        Where both name the same window the short field wins: it is the one that every answer of the API
        shows.
        """
        merged = {
            Span(metric, period): limit
            for metric, by_period in limits.items()
            for period, limit in by_period.items()
            if limit is not None
        }
        for name, span in SHORT_FIELDS.items():
            if (limit := short_fields.get(name)) is not None:
                merged[span] = limit
        return cls(merged, told)

    def number(self, span: Span, declared: int, model: str = "", *, is_edited: bool = False) -> int:
        """What a window of the account, or of `model`, allows. What the provider told counts instead of what is declared, and never for
        more than the user set, nor than an operator did (`is_edited`)."""
        return self.sourced(span, declared, model, is_edited=is_edited)[0]

    def sourced(
        self, span: Span, declared: int, model: str = "", *, is_edited: bool = False
    ) -> tuple[int, LimitSource]:
        """The same, and who says so."""
        told = self.told.get(model, {}).get(span)
        own = self.by_span.get(span)
        ceiling = declared if own is None else own
        is_set = own is not None or (is_edited and declared > 0)
        if told is not None and (not is_set or 0 < told.limit < ceiling):
            return told.limit, "header" if told.source == "header" else "learnt"
        return ceiling, "declared" if own is None else "override"


def validate_limits(raw: Any) -> dict[str, dict[str, int | None]]:
    """A credential's `limits`, by metric and length:

    `{"requests": {"minute": 30, "day": 0, "month": null}, "tokens": {…}, "concurrency": {"now": 2}}`. Raises LimitsError.
    """
    return {
        metric: {
            period: _validate_number(number, f"limits.{metric}.{period}")
            for period, number in _by_period(metric, by_period).items()
        }
        for metric, by_period in _members(raw, METRICS, "limits").items()
    }


def limits_row(limits: Mapping[str, Mapping[str, int | None]]) -> dict[str, dict[str, int | None]]:
    """As the API shows them: what ANSWERED names in any case, null for the catalogue's, and whatever else is set."""
    shown: dict[str, dict[str, int | None]] = {
        metric: {unit: (limits.get(metric) or {}).get(unit) for unit in units}
        for metric, units in ANSWERED.items()
    }
    for metric, by_period in limits.items():
        for period, limit in by_period.items():
            if limit is not None:
                shown.setdefault(metric, {})[period] = limit
    return shown


def _by_period(metric: Metric, raw: Any) -> JSONObject:
    path = f"limits.{metric}"
    if metric == CONCURRENCY:
        return _members(raw, (NOW,), path)
    if not isinstance(raw, dict):
        raise LimitsError(path, "must be an object")
    if len(raw) > MAX_PERIODS:
        raise LimitsError(path, f"has more than {MAX_PERIODS} windows")
    for period in raw:
        try:
            if period != ONCE:
                parse(period)
        except PeriodError as error:
            raise LimitsError(
                f"{path}.{period}", f"{error}; {ONCE!r} for what is never given back"
            ) from error
    return raw


def _members(raw: Any, allowed: Sequence[str], path: str) -> JSONObject:
    if not isinstance(raw, dict):
        raise LimitsError(path, "must be an object")
    for name in raw:
        if name not in allowed:
            raise LimitsError(f"{path}.{name}", f"unknown; allowed are {', '.join(allowed)}")
    return raw


def _validate_number(raw: Any, path: str) -> int | None:
    if raw is None:
        return None
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise LimitsError(path, "must be a whole number, 0 for unlimited, or null for the catalogue's")
    if not 0 <= raw <= MAX_LIMIT:
        raise LimitsError(path, f"must be between 0 and {MAX_LIMIT}")
    return raw
