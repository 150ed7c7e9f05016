"""How much of a quota is left, and how long it lasts, in the OpenAPI document."""

from datetime import datetime

from msgspec import Struct


class Learnt(Struct, kw_only=True, rename={"from_": "from"}):
    """What the provider's refusals (`refused`), a request beyond the limit that it granted (`probe`) or its own number (`told`) taught."""

    declared: int | None
    from_: str
    used: int
    at: datetime
    more_asked_at: datetime | None


class Quota(Struct, kw_only=True):
    """A limited window. `scope` account, group or model, by `name`; `source` declared, override, header or learnt; `outlook` lasts,
    runs_out, out, or null with the reason."""

    scope: str
    name: str | None
    metric: str
    period: str
    kind: str
    zone: str
    limit: int
    used: int
    left: int
    resets_at: datetime | None
    reported_at: datetime | None
    source: str
    learnt: Learnt | None
    outlook: str | None
    runs_out_at: datetime | None
    out_until: datetime | None
    no_forecast_because: str | None


class FirstModel(Struct):
    """The model whose windows end first while others last; null for one that is out already."""

    model: str
    window: str
    runs_out_at: datetime | None


class Outlook(Struct, kw_only=True):
    """What becomes of an account: as its worst window says, or with its last model."""

    state: str | None
    runs_out_at: datetime | None
    out_until: datetime | None
    no_forecast_because: str | None
    window: str | None
    model: str | None
    first_model: FirstModel | None
