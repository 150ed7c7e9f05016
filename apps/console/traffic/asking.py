"""What an address of the analytics page asks for: a time, filters, a break-down; and the addresses that ask for a little else."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from msgspec import Struct

from apps.analytics.reports.reading import Filters
from apps.console.traffic.addresses import events_between
from apps.console.traffic.parts import DIMENSIONS
from apps.console.traffic.times import HOUR, Asked, asked

FILTERS: Final = ("provider", "model", "strategy", "client")
USUAL: Final = "week"
MAX_TEXT: Final = 200
LARGEST_ID: Final = 2**63 - 1
KNOWN: Final = (*FILTERS, "user", "span", "start", "end", "from", "to", "by", "compare")


class Filtered(NamedTuple):
    """A filter that is on, and the address without it."""

    name: str
    value: str
    without: str


class Asking(Struct, frozen=True):
    """`filters` as the ledger has them, `chosen`: as the address has them. `by`: a dimension. `compare`: with the time before. `query`: all
    that the address says and that is known."""

    time: Asked
    filters: Filters
    chosen: Mapping[str, str]
    by: str
    compare: bool
    zone: ZoneInfo
    query: Mapping[str, str]

    def address(self, **changes: str) -> str:
        """The same with these changed, "" for none."""
        kept = {**self.query, **changes}
        return f"?{urlencode({name: value for name, value in kept.items() if value})}"

    def of_span(self, name: str) -> str:
        """The same, over one of the windows that end now."""
        return self.address(span=name, start="", end="", **{"from": "", "to": ""})

    def narrowed(self, start: datetime, end: datetime) -> str:
        """The same within a shorter time; where that would be less than an hour, the attempts of it."""
        if end - start < HOUR:
            return events_between(start, end, **self.chosen)
        times = {"start": f"{start.timestamp():.0f}", "end": f"{end.timestamp():.0f}"}
        return self.address(**times, span="", **{"from": "", "to": ""})

    def events(self, **more: str) -> str:
        """The attempts that these figures count."""
        window = self.time.window
        return events_between(window.start, window.end, **{**self.chosen, **more})

    def filtered(self) -> Iterator[Filtered]:
        """The filters that are on."""
        for name, value in self.chosen.items():
            yield Filtered(name, value, self.address(**{name: ""}))


def asking_of(query: QueryDict, user_id: int, *, sees_all: bool, zone: ZoneInfo, now: datetime) -> Asking:
    """What makes no sense is asked for nothing. `user_id`: who asks, and whose requests are told of to who sees no others."""
    known = {name: text for name in KNOWN if (text := _text(query, name))}
    chosen: dict[str, str] = {name: known[name] for name in FILTERS if name in known}
    if "client" in chosen and _number(chosen["client"]) is None:
        del chosen["client"]
    whose = _number(known.get("user", "")) if sees_all else user_id
    if sees_all and whose is not None:
        chosen["user"] = str(whose)
    client = _number(chosen.get("client", ""))
    filters = Filters(
        user_id=whose,
        client_ids=None if client is None else (client,),
        providers=_one(chosen.get("provider")),
        models=_one(chosen.get("model")),
        strategies=_one(chosen.get("strategy")),
    )
    by = known.get("by", "")
    return Asking(
        time=asked(known, zone, now, USUAL),
        filters=filters,
        chosen=chosen,
        by=by if by in DIMENSIONS else "provider",
        compare="compare" in known,
        zone=zone,
        query=known,
    )


def _one(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else (text,)


def _text(query: QueryDict, name: str) -> str:
    """No column holds a NUL, and PostgreSQL is asked for none."""
    return query.get(name, "").replace("\0", "").strip()[:MAX_TEXT]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= LARGEST_ID else None
