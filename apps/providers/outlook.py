"""What is left of an account's quotas, when it comes back and how long it lasts, for people.

The counters are in the gateway's state store, which this app does not know: who runs it says here where to ask (`told_by`).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.state.contract import Reading, Window
from apps.core.state.keys import part_of
from apps.core.state.lesson import Lesson, holds
from apps.providers.forecast import Forecast
from apps.providers.overrides import LimitSource


class Quota(Struct, frozen=True, kw_only=True):
    """A limited window: what is known of it, what becomes of it, and who says how much it allows."""

    window: Window
    reading: Reading
    forecast: Forecast
    source: LimitSource


class Outlook(Struct, frozen=True):
    """The quotas of one account: `shared` by all or some of its models; and by model, those that bind it alone. `serving`: of each model
    that requests may choose, all that bind it but the account's own."""

    shared: tuple[Quota, ...] = ()
    models: Mapping[str, tuple[Quota, ...]] = {}
    serving: Mapping[str, tuple[Quota, ...]] = {}


class Overall(Struct, frozen=True):
    """What becomes of a whole account: as of the window `quota`, for all or, where only models' windows end it, for its last `model`.

    `first`: the model whose windows end first while others last.
    """

    forecast: Forecast
    quota: Quota | None = None
    model: str = ""
    first: "tuple[str, Quota] | None" = None


NO_OUTLOOK: Final = Outlook()
MOVING: Final = frozenset(
    {
        *("used", "left", "resets_at", "reported_at", "learnt"),
        *("outlook", "runs_out_at", "out_until", "no_forecast_because"),
    }
)
"""Members of these rows that change while one reads them."""
Told = Callable[[int], Mapping[str, Outlook]]
"""The accounts of a user, by provider."""


def _nobody(_user_id: int) -> Mapping[str, Outlook]:
    """No gateway runs in this process."""
    return {}


_told: Told = _nobody


def told_by(source: Told) -> None:
    """Ask `source` from now on. It may block for as long as the state store takes."""
    global _told
    _told = source


def outlooks_of(user_id: int) -> Mapping[str, Outlook]:
    """The user's accounts by provider; none where no gateway runs in this process."""
    return _told(user_id)


def overall(outlook: Outlook, *, counts: Callable[[Quota], bool] = lambda _: True) -> Overall | None:
    """The worst of the account's windows, as far as they count; None without any.

    What binds some of the models ends the account only when the last one that can serve is out. Until then the first is named.
    """
    account = _worst(quota for quota in outlook.shared if counts(quota) and _is_accounts(quota))
    if account is not None and _ends(account.forecast):
        return Overall(account.forecast, account)
    worst = {
        model: quota
        for model, quotas in outlook.serving.items()
        if (quota := _worst(filter(counts, quotas))) is not None
    }
    ending = {model: quota for model, quota in worst.items() if _ends(quota.forecast)}
    if ending and len(ending) == len(outlook.serving):
        model = max(ending, key=lambda model: _begins(ending[model].forecast))
        if ending[model].forecast.state == "out":  # all are: the first of them that comes back ends it
            model = min(ending, key=lambda model: _until(ending[model].forecast))
        return Overall(ending[model].forecast, ending[model], model)
    others = [quota for quota in worst.values() if not _ends(quota.forecast)]
    if account is not None and _has_pace(account):
        others = [account]
    rest = max(others, key=lambda quota: (_has_pace(quota), _order(quota)), default=account)
    if rest is None and not ending:
        return None
    first = min(ending.items(), key=lambda entry: _begins(entry[1].forecast), default=None)
    return Overall(rest.forecast if rest else Forecast("lasts"), first=first)


def as_json(outlook: Outlook | None, now: float) -> JSONObject:
    """The members of a row of `/api/providers` and `/api/me/providers`: the windows that models share, and what becomes of the account."""
    known = outlook or NO_OUTLOOK
    return {"quotas": quotas_as_json(known.shared, now), "outlook": outlook_as_json(known, now)}


def quotas_as_json(quotas: Iterable[Quota], now: float) -> list[JSONObject]:
    return [quota_as_json(quota, now) for quota in quotas]


def quota_as_json(quota: Quota, now: float) -> JSONObject:
    """One window. None for what does not apply or is not known."""
    window, reading, forecast = quota.window, quota.reading, quota.forecast.rounded(now)
    part = part_of(window.scope)
    return {
        "scope": part.kind if part.name else "account",
        "name": part.name or None,
        "metric": window.metric,
        "period": window.period,
        "kind": window.kind,
        "zone": window.zone,
        "limit": window.limit,
        "used": reading.used,
        "left": max(0, window.limit - reading.used),
        "resets_at": _moment(reading.resets_at),
        "reported_at": _moment(reading.reported_at),
        "source": quota.source,
        "learnt": _learnt(window, reading.lesson),
        "outlook": forecast.state,
        "runs_out_at": _moment(forecast.at) if forecast.state == "runs_out" else None,
        "out_until": _moment(forecast.at) if forecast.state == "out" else None,
        "no_forecast_because": forecast.why,
    }


def _learnt(window: Window, lesson: Lesson | None) -> JSONObject | None:
    """By which evidence a window allows something else than is declared."""
    if not holds(lesson, window):
        return None
    return {
        "declared": lesson.declared or None,
        "from": "told" if lesson.told else lesson.why,
        "used": lesson.used,
        "at": _moment(lesson.at),
        "more_asked_at": None if lesson.told else _moment(lesson.probe_at),
    }


def outlook_as_json(outlook: Outlook, now: float) -> JSONObject | None:
    """What becomes of an account; None where none of its windows is limited."""
    whole = overall(outlook)
    if whole is None:
        return None
    forecast = whole.forecast.rounded(now)
    return {
        "state": forecast.state,
        "runs_out_at": _moment(forecast.at) if forecast.state == "runs_out" else None,
        "out_until": _moment(forecast.at) if forecast.state == "out" else None,
        "no_forecast_because": forecast.why,
        "window": str(whole.quota.window.span) if whole.quota else None,
        "model": whole.model or None,
        "first_model": _first(whole, now),
    }


def _first(whole: Overall, now: float) -> JSONObject | None:
    if whole.first is None:
        return None
    model, quota = whole.first
    forecast = quota.forecast.rounded(now)
    runs_out = forecast.at if forecast.state == "runs_out" else None
    return {"model": model, "window": str(quota.window.span), "runs_out_at": _moment(runs_out)}


def _worst(quotas: Iterable[Quota]) -> Quota | None:
    return min(quotas, key=_order, default=None)


def _order(quota: Quota) -> tuple[int, float]:
    """What is out comes first, the longest before the others; then what runs out, the soonest first; then what nobody can tell; and last
    what nobody could ever tell."""
    forecast = quota.forecast
    match forecast.state:
        case "out":
            return 0, -_until(forecast)
        case "runs_out":
            return 1, _begins(forecast)
        case None:
            return (2 if _has_pace(quota) else 4), 0.0
        case "lasts":
            return 3, 0.0


def _has_pace(quota: Quota) -> bool:
    return quota.forecast.why != "not_over_time"


def _ends(forecast: Forecast) -> bool:
    return forecast.state in ("out", "runs_out")


def _begins(forecast: Forecast) -> float:
    """From when on nothing is left."""
    return forecast.at if forecast.state == "runs_out" and forecast.at is not None else 0.0


def _until(forecast: Forecast) -> float:
    """Until when, of what is out."""
    return inf if forecast.at is None else forecast.at


def _is_accounts(quota: Quota) -> bool:
    return not part_of(quota.window.scope).name


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(int(at), UTC)
