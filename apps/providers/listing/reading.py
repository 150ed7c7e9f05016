"""From the documents of a model list to what each of its entries says. Pure: the documents are hostile, the table is ours."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.providers.listing.tables import Listing, Prices, first_values, meaning, said_words, values

MAX_MODELS: Final = 2_000
NAME: Final = re.compile(r"[!-~]([ -~]{0,198}[!-~])?")
RESERVED: Final = frozenset({"*"})  # what stands for all models that nobody lists
MAX_TOKENS: Final = 2**31 - 1
MAX_PRICE_MICROUSD: Final = 10**12
MAX_ALIASES: Final = 50


class Listed(Struct, frozen=True, kw_only=True):
    """A model as a list tells it. `task` is None where it is not told, "" for one that is not served. `columns`: what is told, by column
    of ProviderModel. `abilities`: the capabilities that are told, and whether it has them. `is_unpriced`: nothing is told of what it
    costs, where that decides whether it is free."""

    name: str
    aliases: tuple[str, ...] = ()
    task: str | None = None
    columns: JSONObject = {}
    abilities: dict[str, bool] = {}
    is_unpriced: bool = False
    is_deprecated: bool = False


class Reading(Struct, frozen=True, kw_only=True):
    """What a list said. `names`: all that exists, under whatever name. `is_whole`: nothing was left out, so that absence means absence.
    `unusable`: entries without a name that could be used."""

    models: tuple[Listed, ...] = ()
    names: frozenset[str] = frozenset()
    is_whole: bool = True
    unusable: int = 0


def entries(document: Any, listing: Listing) -> list[Any] | None:
    """The entries of one page; None where there is no list."""
    for path in listing.items:
        for found in values(document, path):
            if isinstance(found, list):
                return found
    return None


def read(pages: Sequence[list[Any]], listing: Listing, *, is_whole: bool = True) -> Reading:
    """What the entries of all pages say; the first of several with the same name counts, and the first MAX_MODELS of all."""
    found: dict[str, Listed] = {}
    names: set[str] = set()
    unusable = 0
    for entry in (entry for page in pages for entry in page):
        if listing.only.path and not meaning(entry, listing.only):
            continue
        name = _name(_text(entry, listing.id), listing)
        if not name:
            unusable += 1
        elif name not in found:
            if len(found) == MAX_MODELS:
                is_whole = False
                break
            listed = found[name] = _listed(name, entry, listing)
            names.update((name, *listed.aliases))
    return Reading(models=tuple(found.values()), names=frozenset(names), is_whole=is_whole, unusable=unusable)


def _listed(name: str, entry: Any, listing: Listing) -> Listed:
    aliases = (_name(word, listing) for word in (said_words(entry, listing.aliases) or [])[:MAX_ALIASES])
    return Listed(
        name=name,
        aliases=tuple(alias for alias in aliases if alias),
        task=meaning(entry, listing.task),
        columns=_columns(name, entry, listing),
        abilities=_abilities(entry, listing),
        is_unpriced=_is_unpriced(entry, listing.prices),
        is_deprecated=bool(listing.deprecated) and True in values(entry, listing.deprecated),
    )


def _columns(name: str, entry: Any, listing: Listing) -> JSONObject:
    told = {
        "context_window": _tokens(entry, listing.context),
        "max_output_tokens": _tokens(entry, listing.output),
        "retires_at": _day(_text(entry, listing.retires)) if listing.retires else None,
        **_prices(entry, listing),
    }
    if any(fnmatchcase(name, pattern) for pattern in listing.paid):
        told["access"] = "prepaid"
    return {column: value for column, value in told.items() if value is not None}


def _prices(entry: Any, listing: Listing) -> JSONObject:
    """A price of nothing says that a model is free, and not what it is worth. What is told and cannot be read is not nothing."""
    table = listing.prices
    if table is None or _is_unpriced(entry, table):
        return {}
    factor = 1e12 if table.per == "token" else 1e6
    prompt, completion = (_price(entry, path, factor) for path in (table.prompt, table.completion))
    others = [_price(entry, path, factor) for path in table.others if values(entry, path)]
    is_free = all(price == 0 for price in (prompt, completion, *others))
    access = {"access": "free" if is_free else "prepaid"} if table.decide_access else {}
    if prompt is None or completion is None or prompt == completion == 0:
        return access
    if min(prompt, completion) < 0:  # it depends
        return access
    return access | {"prompt_microusd": prompt, "completion_microusd": completion}


def _is_unpriced(entry: Any, table: Prices | None) -> bool:
    return (
        table is not None
        and table.decide_access
        and not any(values(entry, path) for path in (table.prompt, table.completion))
    )


def _abilities(entry: Any, listing: Listing) -> dict[str, bool]:
    """What one table grants no other takes away."""
    told: dict[str, bool] = {}
    for table in listing.abilities:
        said = said_words(entry, table.path)
        if said is None:
            continue
        for word, capabilities in table.words.items():
            for capability in capabilities:
                if word in said or table.denies:
                    told[capability] = told.get(capability, False) or word in said
    return told


def _name(raw: str, listing: Listing) -> str:
    """ "" for what cannot be a name: it travels in headers and URLs."""
    name = raw.removeprefix(listing.strip)
    return name if NAME.fullmatch(name) and name not in RESERVED else ""


def _text(entry: Any, path: str) -> str:
    return next((value for value in values(entry, path) if isinstance(value, str)), "")


def _tokens(entry: Any, paths: Iterable[str]) -> int | None:
    """The least of what is told: of several hosts any may answer."""
    numbers = [number for value in first_values(entry, paths) if (number := _number(value)) is not None]
    least = min((number for number in numbers if 1 <= number <= MAX_TOKENS), default=None)
    return None if least is None else int(least)


def _price(entry: Any, path: str, factor: float) -> int | None:
    """The highest of what is told, in micro-dollars per million tokens."""
    numbers = [number for value in values(entry, path) if (number := _number(value)) is not None]
    if not numbers or abs(price := max(numbers) * factor) > MAX_PRICE_MICROUSD:
        return None
    return round(price) or (1 if price > 0 else 0)


def _number(value: Any) -> float | None:
    """A finite number, of digits in a text too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:40] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _day(text: str) -> str | None:
    """The day of a date or a time, in ISO form."""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return None
