"""Which quota windows bind a credential and a model, and what a request takes from them. Pure.

The catalogue declares windows on the account (a provider's `limits`) and on single models; a credential
overrides them. The state store counts; this module says what there is to count.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from apps.core.json_types import JSONObject
from apps.core.state.contract import Window
from apps.core.state.keys import Metric, Span
from apps.core.state.periods import Period, PeriodError, Unit, bounds, parse, seconds
from apps.providers.types import Offer

METRICS: Final[tuple[Metric, ...]] = ("requests", "tokens")
"""All that requests are counted by, see `amounts`. A window of anything else would never fill, and is refused."""
OVERRIDABLE: Final[Mapping[Metric, tuple[Unit, ...]]] = dict.fromkeys(
    ("requests", "tokens"), ("second", "minute", "hour", "day", "month")
)
"""The windows that `limits` of the API can name: a promise to clients, whatever else the catalogue may declare."""
MAX_LIMIT = 10**15  # far above any real quota, and exact in every store
DEFAULT_COMPLETION_TOKENS = 1024
# A cap above this says nothing of the answer that will come: agents send 32,000 and more with every request.
LONG_ANSWER_TOKENS = 8192
RETRY_ROLLING_S = 60.0
# Counted for the statistics of every account even where nothing limits them.
ALWAYS_COUNTED: Final = (Span("requests", "minute"), Span("requests", "day"), Span("tokens", "day"))
SHORT_FIELDS: Final[Mapping[str, Span]] = dict(
    zip(("rpm_limit", "rpd_limit", "tpd_limit"), ALWAYS_COUNTED, strict=True)
)


class LimitsError(ValueError):
    """Limits that cannot be used. `field` is the path of the culprit, such as `limits.requests.day`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Limit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"period": "unit"}):
    """A window as declared: `limit` per `period`, 0 for unlimited. `zone` is where a day, week or month begins."""

    metric: Metric
    period: Period
    limit: Annotated[int, Meta(ge=0, le=MAX_LIMIT)]
    rolling: bool = False
    zone: str = "UTC"

    @property
    def span(self) -> Span:
        """What is counted, and over which length."""
        return Span(self.metric, self.period)


class Overrides(Struct, frozen=True):
    """A credential's own limits by metric and length, 0 for unlimited. The others are the catalogue's."""

    by_span: dict[Span, int] = {}

    @classmethod
    def of(
        cls, limits: Mapping[str, Mapping[str, int | None]], short_fields: Mapping[str, int | None]
    ) -> "Overrides":
        """Merge `limits` (validated) with rpm_limit, rpd_limit and tpd_limit.

        Where both name the same window the short field wins: it is the one that every answer of the API
        shows.
        """
        merged: dict[Span, int] = {
            Span(metric, unit): limit
            for metric, units in OVERRIDABLE.items()
            for unit in units
            if (limit := limits.get(metric, {}).get(unit)) is not None
        }
        for name, span in SHORT_FIELDS.items():
            if (limit := short_fields.get(name)) is not None:
                merged[span] = limit
        return cls(merged)


def parse_limits(raw: Any) -> tuple[Limit, ...]:
    """The declared windows of a provider or model:

    `[{"metric", "unit", "limit", "rolling"?, "zone"?}]`. Raises LimitsError.
    """
    if not isinstance(raw, list):
        raise LimitsError("limits", "must be a list")
    limits = tuple(_parse_limit(item, f"limits[{index}]") for index, item in enumerate(raw))
    spans = [limit.span for limit in limits]
    for index, span in enumerate(spans):
        if span in spans[:index]:
            raise LimitsError(f"limits[{index}]", f"a second window of {span.metric} per {span.period}")
    return limits


def _parse_limit(raw: Any, path: str) -> Limit:
    try:
        limit = msgspec.convert(raw, Limit)
    except msgspec.ValidationError as error:
        raise LimitsError(path, str(error)) from error
    if limit.metric not in METRICS:
        raise LimitsError(f"{path}.metric", f"{limit.metric!r} is not counted; {', '.join(METRICS)} are")
    try:
        parse(limit.period)
    except PeriodError as error:
        raise LimitsError(f"{path}.unit", str(error)) from error
    try:
        ZoneInfo(limit.zone)
    except (OSError, ValueError, KeyError) as error:
        raise LimitsError(f"{path}.zone", f"{limit.zone!r} is not a time zone") from error
    return limit


def validate_limits(raw: Any) -> dict[str, dict[str, int | None]]:
    """A credential's `limits`:

    `{"requests": {"minute": 30, "day": 0, "month": null}, "tokens": {…}}`. Raises LimitsError.
    """
    return {
        metric: {
            unit: _validate_number(number, f"limits.{metric}.{unit}")
            for unit, number in _members(by_unit, OVERRIDABLE[metric], f"limits.{metric}").items()
        }
        for metric, by_unit in _members(raw, tuple(OVERRIDABLE), "limits").items()
    }


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


def account_windows(
    credential: str, declared: Iterable[Limit], models: Iterable[Limit], overrides: Overrides
) -> tuple[Window, ...]:
    """The windows of a whole account: the catalogue's or an override's, and what ALWAYS_COUNTED names in any
    case.

    An override keeps the way the catalogue's window runs (rolling, time zone). One that the account does not
    declare runs as it does on the first of `models`, the limits of all the provider's models: every candidate
    must see the same window behind a key.
    """
    like = {limit.span: limit for limit in reversed(list(models))}
    own = {limit.span: limit for limit in declared}
    numbers = {span: limit.limit for span, limit in own.items()} | overrides.by_span
    spans = [*ALWAYS_COUNTED, *(span for span in numbers if numbers[span] and span not in ALWAYS_COUNTED)]
    return tuple(
        _window(credential, own.get(span) or like.get(span) or Limit(*span, 0), numbers.get(span, 0))
        for span in spans
    )


def model_windows(candidate: str, declared: Iterable[Limit], overrides: Overrides) -> tuple[Window, ...]:
    """The windows of one model beside its account's.

    Overridden ones are left out: the account's window now binds all models.
    """
    return tuple(
        _window(candidate, limit, limit.limit)
        for limit in declared
        if limit.limit and limit.span not in overrides.by_span
    )


def _window(scope: str, like: Limit, number: int) -> Window:
    return Window.of(scope, like.span, number, rolling=like.rolling, zone=like.zone)


def amounts(tokens: int) -> dict[Metric, int]:
    """What one request of so many tokens takes from the windows, by metric."""
    return {"requests": 1, "tokens": tokens}


def token_claim(offer: Offer, prompt_tokens: int, max_tokens: int | None) -> int:
    """Tokens to reserve: the prompt, and the answer by the client's cap (a long answer's at most) or a usual length.

    The answer's part is cut so that the whole fits the smallest token window: a cap of 32k must not bar a
    model with 6k a minute from answering shortly. A prompt that alone exceeds that window is claimed whole,
    and so refused.
    """
    completion = DEFAULT_COMPLETION_TOKENS if max_tokens is None else min(max_tokens, LONG_ANSWER_TOKENS)
    if offer.max_output_tokens is not None:
        completion = min(completion, offer.max_output_tokens)
    bounds = [window.limit for window in offer.subject.windows if window.metric == "tokens" and window.limit]
    if bounds:
        completion = min(completion, max(min(bounds) - prompt_tokens, 0))
    return prompt_tokens + completion


def until_reset(period: Period, windows: Iterable[Window], now: float) -> float:
    """When a spent window of `period` gives way again:

    UTC epoch seconds, the latest among `windows` of that length.

    For an upstream's 429 that names a window but no time. A fixed window ends at its boundary (days and longer:
    local midnight), UTC's where no such window is declared. A rolling one gives back continuously: ask again
    after its length, after a minute at most.
    """
    ends = [
        now + min(seconds(period), RETRY_ROLLING_S) if window.rolling else bounds(period, window.zone, now)[1]
        for window in windows
        if window.period == period
    ]
    return max(ends) if ends else bounds(period, "UTC", now)[1]
