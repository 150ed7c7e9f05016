"""Quota windows as they are declared: in the catalogue, in stored rows, in the admin site. Pure."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from apps.core.json_types import JSONObject
from apps.core.state.contract import Kind
from apps.core.state.keys import CONCURRENCY, Metric, Span
from apps.core.state.periods import NOW, ONCE, Period, PeriodError, parse

METRICS: Final[tuple[Metric, ...]] = (
    *("requests", "tokens", "input_tokens", "output_tokens"),
    *("audio_seconds", "inputs", "images", "neurons", "money", CONCURRENCY),
)
"""All that requests are counted by. A window of anything else would never fill, and is refused. `inputs` are those of an embeddings
request, `money` is in micro-dollars of the list price, `concurrency` are calls at a time."""
MAX_LIMIT = 10**15  # far above any real quota, and exact in every store
MAX_LIMITS = 200
MAX_GROUP = 100
Pattern = Annotated[str, Meta(min_length=1, max_length=200)]


class LimitsError(ValueError):
    """Limits that cannot be used. `field` is the path of the culprit, such as `limits.requests.day`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Limit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"period": "unit"}):
    """A window as declared: `limit` per `period`, 0 for unlimited.

    `period`: a length, "once" for what is never given back, and NOW for calls at a time, which are declared without one. `kind`: see
    `contract.Kind`. `zone` is where a fixed day, week or month begins.

    Those of a provider may bind less than its whole account. `models`, patterns of names ("*:free"): all that match count in one window,
    the one of the group `group`. `each`: every model that matches, of all without `models`, has a window of its own; the first such
    entry of a span that matches is the model's, unless the model declares one itself.
    """

    metric: Metric
    period: Period
    limit: Annotated[int, Meta(ge=0, le=MAX_LIMIT)]
    kind: Kind = "fixed"
    zone: str = "UTC"
    models: tuple[Pattern, ...] = ()
    each: bool = False
    group: Annotated[str, Meta(max_length=MAX_GROUP)] = ""

    @property
    def span(self) -> Span:
        """What is counted, and over which length."""
        return Span(self.metric, self.period)

    @property
    def group_name(self) -> str:
        """What tells its group from the provider's others: those without a name are called by their patterns."""
        return self.group or " ".join(sorted(self.models))

    def matches(self, model: str) -> bool:
        """Whether it binds a model of this name."""
        return not self.models or any(fnmatchcase(model, pattern) for pattern in self.models)


def parse_limits(raw: Any, *, of_model: bool = False) -> tuple[Limit, ...]:
    """The declared windows of a provider or, `of_model`, of a model:

    `[{"metric", "unit", "limit", "kind"?, "zone"?, "models"?, "each"?, "group"?}]`, of a model without the last three; `"rolling": true`
    is the former way to say `"kind": "rolling"`. Raises LimitsError.
    """
    if not isinstance(raw, list):
        raise LimitsError("limits", "must be a list")
    if len(raw) > MAX_LIMITS:
        raise LimitsError("limits", f"has more than {MAX_LIMITS} windows")
    limits = tuple(_parse_limit(item, f"limits[{index}]", of_model) for index, item in enumerate(raw))
    bound = [(limit.span, limit.each, limit.group_name) for limit in limits]
    for index, (limit, one) in enumerate(zip(limits, bound, strict=True)):
        if one in bound[:index]:
            raise LimitsError(
                f"limits[{index}]", f"a second window of {limit.metric} per {limit.period}{_of_whom(limit)}"
            )
    return limits


def _of_whom(limit: Limit) -> str:
    whose = "each of " if limit.each else ""
    return f" for {whose}{limit.group_name or 'the models'}" if limit.each or limit.models else ""


def _parse_limit(raw: Any, path: str, of_model: bool) -> Limit:
    if not isinstance(raw, dict):
        raise LimitsError(path, "must be an object")
    try:
        limit = msgspec.convert(_completed(raw, path), Limit)
    except msgspec.ValidationError as error:
        raise LimitsError(path, str(error)) from error
    if limit.metric not in METRICS:
        raise LimitsError(f"{path}.metric", f"{limit.metric!r} is not counted; {', '.join(METRICS)} are")
    _check_whose(limit, path, of_model)
    if limit.metric != CONCURRENCY and limit.period != ONCE:
        _check_length(limit, path)
    elif pointless := raw.keys() & {"kind", "rolling", "zone"}:
        raise LimitsError(f"{path}.{min(pointless)}", f"no length ends a window of {limit.span}: it has none")
    return limit


def declared_limits(raw: object, *, of_model: bool = False) -> list[Limit]:
    """None where they cannot be read: the operator is told in the log, and sets them anew."""
    try:
        return list(parse_limits(raw, of_model=of_model))
    except LimitsError:
        return []


def edited_spans(current: Iterable[Limit], shipped: JSONObject) -> frozenset[Span]:
    """Of which spans the windows of a row are not those that it was `shipped` with; none of a row that never was."""
    if "limits" not in shipped:
        return frozenset()
    known = set(declared_limits(shipped["limits"]))
    return frozenset(limit.span for limit in current if limit not in known)


def written_limits(limits: Iterable[Limit]) -> list[JSONObject]:
    """As they are stored, and as the catalogue may say them: the inverse of `parse_limits`."""
    return [
        {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in msgspec.to_builtins(limit).items()
            if value != NOW
        }
        for limit in limits
    ]


def _completed(raw: JSONObject, path: str) -> JSONObject:
    """With `unit` where it is left out, and in the words of today."""
    known = dict(raw)
    if raw.get("metric") == CONCURRENCY:
        if "unit" in raw:
            raise LimitsError(f"{path}.unit", "calls at a time are counted over no length: leave it out")
        known["unit"] = NOW
    rolling = known.pop("rolling", False)
    if not isinstance(rolling, bool):
        raise LimitsError(f"{path}.rolling", "must be true or false")
    if rolling:
        if raw.get("kind", "rolling") != "rolling":
            raise LimitsError(f"{path}.rolling", f"contradicts the kind {raw['kind']!r}")
        known["kind"] = "rolling"
        known.pop("zone", None)  # never had a meaning beside it
    return known


def _check_whose(limit: Limit, path: str, of_model: bool) -> None:
    if of_model and (limit.models or limit.each or limit.group):
        field = "models" if limit.models else "each" if limit.each else "group"
        raise LimitsError(f"{path}.{field}", "only a provider's limits say which models they bind")
    if limit.group and (limit.each or not limit.models):
        raise LimitsError(
            f"{path}.group", "names the models that share a window: it needs `models`, and no `each`"
        )


def _check_length(limit: Limit, path: str) -> None:
    try:
        parse(limit.period)
    except PeriodError as error:
        raise LimitsError(f"{path}.unit", f"{error}; {ONCE!r} for what is never given back") from error
    if limit.kind != "fixed" and limit.zone != "UTC":
        raise LimitsError(f"{path}.zone", f"only a fixed window begins on a clock, not a {limit.kind} one")
    try:
        ZoneInfo(limit.zone)
    except (OSError, ValueError, KeyError) as error:
        raise LimitsError(f"{path}.zone", f"{limit.zone!r} is not a time zone") from error
