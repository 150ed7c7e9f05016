"""Which quota windows bind a credential and a model. Pure.

The catalogue declares windows on the account (a provider's `limits`), on groups of its models, on each of them, and on single models; a
credential overrides their numbers. The state store counts; this module says what there is to count.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.contract import Kind, Window
from apps.core.state.keys import Span, candidate_key, group_key, parse_window_key, part_of, window_key
from apps.core.state.periods import NOW, ONCE, Period, bounds, seconds
from apps.providers.limits import Limit
from apps.providers.overrides import SHORT_FIELDS, LimitSource, Overrides

RETRY_ROLLING_S = 60.0
TRANSIT_S: Final = 0.25
"""By how much one request may take longer to an upstream than another, or its clock be off, before it refuses what our count grants."""
ALWAYS_COUNTED: Final[tuple[Span, ...]] = tuple(SHORT_FIELDS.values())
"""Counted for the statistics of every account even where nothing limits them."""
WHOLE_ACCOUNT = ""
"""The group of all models: for windows of an account that tell nothing of how much was used in a minute or today."""
_OF_THE_CALENDAR: Final[tuple[Period, ...]] = ("day", "week", "month", ONCE, NOW)
_MINUTE: Final[tuple[Period, ...]] = ("second", "minute")
_TELLING: Final[tuple[Kind, ...]] = ("fixed", "rolling")


class Scheme(Struct, frozen=True):
    """What a provider declares, by whom it binds.

    `apart`: what it counts for models or groups of them, and not for the account; `single`: of that, what it counts for models alone.
    `like`: of each span, how such a window runs there; an account's before a group's, a group's before a model's. `edited`: the spans
    whose numbers an operator set.
    """

    account: Mapping[Span, Limit]
    groups: tuple[Limit, ...]
    each: tuple[Limit, ...]
    apart: frozenset[Span]
    single: frozenset[Span]
    like: Mapping[Span, Limit]
    edited: frozenset[Span] = frozenset()

    @classmethod
    def of(
        cls, declared: Iterable[Limit], models: Iterable[Limit], edited: frozenset[Span] = frozenset()
    ) -> "Scheme":
        """`models`: the limits of all the provider's models."""
        limits = tuple(declared)
        account = {limit.span: limit for limit in limits if not (limit.models or limit.each)}
        groups = tuple(limit for limit in limits if limit.models and not limit.each)
        each = tuple(limit for limit in limits if limit.each)
        alone = (*each, *models)
        like: dict[Span, Limit] = {}
        for limit in (*account.values(), *groups, *alone):
            like.setdefault(limit.span, limit)
        single = frozenset(limit.span for limit in alone) - account.keys()
        return cls(account, groups, each, frozenset(like.keys() - account.keys()), single, like, edited)

    def number(self, span: Span, declared: int, overrides: Overrides, model: str = "") -> int:
        """What a window of the account, or of `model`, allows."""
        return overrides.number(span, declared, model, is_edited=span in self.edited)

    def model_limits(self, model: str, own: Iterable[Limit]) -> dict[Span, Limit]:
        """What is counted for `model` alone: `own`, what it declares itself, and the first of `each` that matches."""
        found = {limit.span: limit for limit in own}
        for limit in self.each:
            if limit.matches(model):
                found.setdefault(limit.span, limit)
        return found

    def groups_of(self, model: str) -> tuple[Limit, ...]:
        return tuple(limit for limit in self.groups if limit.matches(model))

    def running_like(self, span: Span) -> Limit:
        """How a window runs that nobody declared: as the provider's others of its span, else as most do: by the calendar where that has a
        word for it."""
        found = self.like.get(span)
        return found or Limit(*span, 0, kind="fixed" if span.period in _OF_THE_CALENDAR else "rolling")


NO_SCHEME: Final = Scheme.of((), ())


def account_windows(credential: str, scheme: Scheme, overrides: Overrides) -> tuple[Window, ...]:
    """The windows of a whole account: the catalogue's, those that an override or the provider names and nobody counts otherwise, and
    what ALWAYS_COUNTED names in any case.

    An override keeps the way the catalogue's window runs (its kind and time zone).
    """
    grouped = {limit.span for limit in scheme.groups}
    told = overrides.told.get("", {}).keys() - grouped
    added = (overrides.by_span.keys() - scheme.apart) | told
    numbers = {
        span: scheme.number(span, scheme.account[span].limit if span in scheme.account else 0, overrides)
        for span in (*scheme.account, *sorted(added - scheme.account.keys()))
    }
    statistics = tuple(_statistic(credential, scheme, span, numbers.get(span, 0)) for span in ALWAYS_COUNTED)
    return tuple(
        _as_wished(window, scheme, overrides)
        for window in (*statistics, *_others(credential, scheme, numbers))
    )


def _statistic(credential: str, scheme: Scheme, span: Span, number: int) -> Window:
    like = scheme.like.get(span)
    if like is None or like.kind not in _TELLING:
        bound = number if like is None or span not in scheme.account else 0
        # What nobody limits refusals may teach, of a minute most often one that goes with the time.
        runs = scheme.running_like(span) if like is None and not bound else Limit(*span, 0)
        return _window(credential, runs, bound)
    return _window(credential, like, number)


def _others(credential: str, scheme: Scheme, numbers: Mapping[Span, int]) -> Iterator[Window]:
    for span, number in numbers.items():
        like = scheme.running_like(span)
        if span in ALWAYS_COUNTED:
            if span in scheme.account and like.kind not in _TELLING and number:
                yield _window(group_key(credential, WHOLE_ACCOUNT), like, number)
        elif number:
            yield _window(credential, like, number)


def group_windows(credential: str, model: str, scheme: Scheme, overrides: Overrides) -> tuple[Window, ...]:
    """The windows that `model` shares with the others of its groups."""
    return tuple(
        _as_wished(_window(group_key(credential, limit.group_name), limit, number), scheme, overrides)
        for limit in scheme.groups_of(model)
        if not _is_replaced(limit.span, scheme, overrides)
        and (number := scheme.number(limit.span, limit.limit, overrides))
    )


def model_windows(
    candidate: str, model: str, own: Iterable[Limit], scheme: Scheme, overrides: Overrides
) -> tuple[Window, ...]:
    """The windows of one model beside its account's and its groups'; `own`: what it declares itself.

    An override of what the account counts replaces them: the account's window now binds all models. One of what the provider counts for
    its models alone is the number of each of them that no group counts.
    """
    declared = scheme.model_limits(model, own)
    grouped = {limit.span for limit in scheme.groups_of(model)}
    added = (overrides.by_span.keys() & scheme.single) - grouped | overrides.told.get(model, {}).keys()
    return tuple(
        _as_wished(_window(candidate, like, number), scheme, overrides)
        for like in (
            *declared.values(),
            *(scheme.running_like(span) for span in sorted(added - declared.keys())),
        )
        if not _is_replaced(like.span, scheme, overrides)
        and (number := scheme.number(like.span, declared.get(like.span, like).limit, overrides, model))
    )


def _is_replaced(span: Span, scheme: Scheme, overrides: Overrides) -> bool:
    return span in overrides.by_span and span in scheme.account


def candidate_windows(
    credential: str, model: str, shared_as: str, own: Iterable[Limit], scheme: Scheme, overrides: Overrides
) -> tuple[Window, ...]:
    """The windows of a model beside its account's: of its groups, and its own. `shared_as`: the name under which it is counted, which
    unlisted models have in common."""
    candidate = candidate_key(credential, shared_as)
    return group_windows(credential, model, scheme, overrides) + model_windows(
        candidate, model, own, scheme, overrides
    )


def learning_counters(credential: str, candidate: str, windows: Iterable[Window]) -> tuple[Window, ...]:
    """What counts requests where nothing limits them in a second or a minute: refusals may teach what is admitted. Of a second the
    model's and the account's, of a minute the model's: the account's is counted in any case."""
    requests = [window for window in windows if window.metric == "requests"]
    limited = {window.period for window in requests if window.limit}
    wanted: list[tuple[str, Period]] = []
    if "second" not in limited:
        wanted += [(candidate, "second"), (credential, "second")]
    if not limited.intersection(_MINUTE):
        wanted.append((candidate, "minute"))
    known = {window.key for window in requests}
    keys = ((window_key(scope, Span("requests", period)), period) for scope, period in wanted)
    return tuple(
        Window(key, "requests", period, 0, "rolling", margin_s=TRANSIT_S)
        for key, period in keys
        if key not in known
    )


def shown_limit(
    span: Span, model: str, own: Iterable[Limit], scheme: Scheme, overrides: Overrides
) -> int | None:
    """What the API shows as the limit of a span: the account's, where it is counted apart that of `model`; None if nothing limits it."""
    if span in scheme.account or span not in scheme.apart:
        declared = scheme.account.get(span)
        return scheme.number(span, declared.limit if declared else 0, overrides) or _lifted(span, overrides)
    grouped = [
        scheme.number(span, limit.limit, overrides) for limit in scheme.groups_of(model) if limit.span == span
    ]
    declared = scheme.model_limits(model, own).get(span)
    if declared is not None or not grouped:
        grouped.append(scheme.number(span, declared.limit if declared else 0, overrides, model))
    return min(filter(None, grouped), default=None) or _lifted(span, overrides)


def source_of(
    window: Window, model: str, own: Iterable[Limit], scheme: Scheme, overrides: Overrides
) -> LimitSource:
    """Who says how much `window` allows, one of an account, of its groups or of `model`, which declares `own` itself."""
    limit = declared_for(window, model, own, scheme)
    told_of = model if part_of(window.scope).kind == "model" else ""
    span = window.span
    _, source = overrides.sourced(span, limit.limit if limit else 0, told_of, is_edited=span in scheme.edited)
    return source


def declared_for(window: Window, model: str, own: Iterable[Limit], scheme: Scheme) -> Limit | None:
    """What the catalogue, or an operator, declares for the same; None where they say nothing."""
    scope, span = parse_window_key(window.key)
    part = part_of(scope)
    if part.kind == "model":
        return scheme.model_limits(model, own).get(span)
    if part.name != WHOLE_ACCOUNT:
        groups = (limit for limit in scheme.groups if (limit.group_name, limit.span) == (part.name, span))
        return next(groups, None)
    return scheme.account.get(span)


def _lifted(span: Span, overrides: Overrides) -> int | None:
    """0 where the user said unlimited, None where nobody says anything."""
    return 0 if overrides.by_span.get(span) == 0 else None


def _window(scope: str, like: Limit, number: int) -> Window:
    key = window_key(scope, like.span)
    return Window(key, like.metric, like.period, number, like.kind, like.zone, TRANSIT_S)


def _as_wished(window: Window, scheme: Scheme, overrides: Overrides) -> Window:
    """What a person set is neither overdrawn, not even by an answer that turns out long, nor loosened."""
    span = window.span
    is_set = span in overrides.by_span or span in scheme.edited
    if is_set and window.limit:
        return replace(window, own=True)
    part = part_of(window.scope)
    told = overrides.told.get(part.name if part.kind == "model" else "", {})
    return replace(window, certain=True) if span in told else window


def until_reset(period: Period, windows: Iterable[Window], now: float) -> float:
    """When a spent window of `period` gives way again:

    UTC epoch seconds, the latest among `windows` of that length.

    For an upstream's 429 that names a window but no time. A fixed window ends at its boundary (days and longer:
    local midnight), UTC's where no such window is declared. A rolling one gives back continuously: ask again
    after its length, after a minute at most.
    """
    ends = [
        now + min(seconds(period), RETRY_ROLLING_S)
        if window.kind != "fixed"
        else bounds(period, window.zone, now)[1]
        for window in windows
        if window.period == period
    ]
    return max(ends) if ends else bounds(period, "UTC", now)[1]
