"""What a model's name tells of it: the shipped table of families, families.toml beside the catalogue. Asked where nobody says more."""

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from apps.providers.types import Capability

FILE = Path(__file__).resolve().parents[1] / "families.toml"


class Family(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pattern`: a regular expression that is found in the lower-case names of its members. `task`: what they do; one that is not served
    keeps them from being offered at all. `context_window`: what every host of them gives; 0 where that differs."""

    pattern: Annotated[str, Meta(min_length=1, max_length=300)]
    task: str = "chat"
    capabilities: tuple[Capability, ...] = ()
    context_window: Annotated[int, Meta(ge=0)] = 0
    max_output_tokens: int | None = None
    tags: tuple[str, ...] = ()


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    families: tuple[Family, ...]


@cache
def families() -> tuple[tuple["re.Pattern[str]", Family], ...]:
    """The shipped table, in its order. Raises msgspec.ValidationError, re.error, OSError for a file that is broken."""
    table = msgspec.convert(tomllib.loads(FILE.read_text(encoding="utf-8")), Table)
    return tuple((re.compile(family.pattern), family) for family in table.families)


@lru_cache(maxsize=8192)
def family_of(name: str) -> Family | None:
    """The first family in which `name` fits."""
    lower = name.lower()
    return next((family for pattern, family in families() if pattern.search(lower)), None)
