"""The tables [wire.listing] and [wire.account] of the catalogue: where a provider lists its models and tells of an account, and how.

A path leads into a JSON document: `a.b` are keys, `a[]` is every item of a list, `a[key=value]` those in which a key has that value.
What leads to several values tells all of them.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct, field

from apps.core.state.keys import Metric
from apps.core.state.periods import Period

STEP = re.compile(r"([^.\[\]]+)(\[(?:([^\]=]+)=([^\]]*))?\])?(?:\.|$)")
PATH = r"^([^.\[\]]+(\[([^\]=]+=[^\]]*)?\])?(\.(?!$)|$))*$"

Path = Annotated[str, Meta(pattern=PATH, max_length=200)]
Paths = tuple[Path, ...]


class Step(NamedTuple):
    """One step of a path: a key, and whether it holds a list, of whose items those count in which `key` is `value`."""

    name: str
    is_list: bool
    key: str
    value: str


class Words(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the words at `path` mean; true and false are words as well. An empty path says nothing."""

    path: Path = ""
    words: dict[str, str] = field(default_factory=dict)


class Abilities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The capabilities that each word at `path` stands for. `denies`: where the path is there, a model lacks those whose word is not."""

    path: Path
    words: dict[str, tuple[str, ...]]
    denies: bool = True


class Prices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where prices are, in USD per token or per million. `decide_access`: a model that costs nothing is free and any other prepaid;
    `others` are what is charged for beside tokens."""

    prompt: Path
    completion: Path
    others: Paths = ()
    per: Literal["token", "million"] = "million"
    decide_access: bool = False


class Paging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a long list goes on. "token": `next` leads to what `parameter` must be. "link": `next` leads to the next page's address.
    "page", "offset": `parameter` counts pages from 1, or entries from 0, and a page with fewer than `size` is the last."""

    kind: Literal["none", "token", "link", "page", "offset"] = "none"
    parameter: str = ""
    next: Path = ""
    size: Annotated[int, Meta(ge=1)] = 100


class Listing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The list of a provider's models, by free calls. The defaults are what OpenAI's kind of servers tell.

    `url`: relative to the base URL with a slash behind it, or absolute; "" where there is no list. `items`: where its entries are, the
    first path that leads to a list; "" is the document. `only`: an entry counts only where a word of it has a meaning. `id`, and `strip`
    of its beginning; `aliases`: further names of the same model. `context`, `output`: tokens, the first path that leads to any.
    `task`: the meanings are names of tasks; a word without one is a task that is not served. `deprecated`: where this is true, what
    nobody uses yet is left out. `retires`: the day on which it ends. `covers`: tasks of which the list is complete, so that a model that
    is not in it is gone. `paid`: shell patterns of the names that cost money there, of which the list says nothing.
    """

    url: str = "models"
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 30.0
    paging: Paging = Paging()
    items: Paths = ("data", "models", "")
    only: Words = Words()
    id: Path = "id"
    strip: str = ""
    aliases: Path = "aliases"
    context: Paths = ("context_window", "context_length", "max_context_length", "max_model_len")
    output: Paths = ("max_completion_tokens", "max_output_tokens", "max_output_length")
    prices: Prices | None = None
    abilities: tuple[Abilities, ...] = ()
    task: Words = Words()
    deprecated: Path = ""
    retires: Path = ""
    covers: frozenset[str] = frozenset({"chat", "embedding", "transcription"})
    paid: tuple[str, ...] = ()


class ToldLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit of the whole account: what it counts, over which length, and where its number is."""

    metric: Metric
    unit: Period
    limit: Path


class AccountTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a free call tells of the account that a key belongs to. `url`: as in Listing; "" where there is none. `facts`: for people,
    by name: balance, plan, what is used and left."""

    url: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    facts: dict[str, Path] = field(default_factory=dict)
    limits: tuple[ToldLimit, ...] = ()


@lru_cache(maxsize=1024)
def steps(path: str) -> tuple[Step, ...]:
    return tuple(
        Step(name, bool(brackets), key or "", value or "")
        for name, brackets, key, value in STEP.findall(path)
    )


def values(document: Any, path: str) -> list[Any]:
    """What is there: every value to which `path` leads, null left out."""
    found = [document]
    for step in steps(path):
        found = [node[step.name] for node in found if isinstance(node, dict) and step.name in node]
        if step.is_list:
            found = [item for node in found if isinstance(node, list) for item in node if _counts(item, step)]
    return [value for value in found if value is not None]


def first_values(document: Any, paths: Iterable[str]) -> list[Any]:
    """The values at the first path that leads to any."""
    return next((found for path in paths if (found := values(document, path))), [])


def said_words(document: Any, path: str) -> list[str] | None:
    """The words at `path`, those in a list too, and keys of an object that are true; None where there is nothing."""
    found = values(document, path) if path else []
    if not found:
        return None
    return [word for value in found for word in _words(value)]


def meaning(document: Any, table: Words) -> str | None:
    """What the words there mean: the first meaning of the table that is met, "" for none of them, None where nothing is said."""
    said = said_words(document, table.path)
    if said is None:
        return None
    return next((means for word, means in table.words.items() if word in said), "")


def _counts(item: Any, step: Step) -> bool:
    return not step.key or (isinstance(item, dict) and item.get(step.key) == step.value)


def _words(value: Any) -> Iterable[str]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(word for word in value if isinstance(word, str))
    if isinstance(value, Mapping):
        return tuple(name for name, on in value.items() if on is True)
    return ()
