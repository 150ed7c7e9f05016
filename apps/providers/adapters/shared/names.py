"""Tool names, fitted to what an upstream takes, and mapped back in its answers.

Definitions, choice, history and answers of a request agree by its tools alone: nothing is kept between request and answer.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.types import ChatChunk, ChatResult
from apps.providers.wires import ToolNames

from .history import text_hash
from .tools import function_of

Naming = Callable[[str], str]

HASH_LENGTH = 6


class NameFitter:
    """The names of tools on one wire, compiled once (see `fitter`)."""

    def __init__(self, rule: ToolNames) -> None:
        marks = re.escape(rule.marks)
        first = "[A-Za-z0-9_" + marks + "]" if rule.digit_first else "[A-Za-z_]"
        self._fits = re.compile(f"{first}[A-Za-z0-9_{marks}]{{0,{rule.longest - 1}}}").fullmatch
        self._foreign = re.compile(f"[^A-Za-z0-9_{marks}]")
        self._first = re.compile(first)
        self._longest = rule.longest

    def fit(self, name: str) -> str:
        """`name` if it is taken, else one as like it as can be; a cut one ends in a hash of it."""
        if self._fits(name):
            return name
        fitted = self._foreign.sub("_", name)
        if not self._first.match(fitted):
            fitted = f"_{fitted}"
        return fitted if len(fitted) <= self._longest else self._hashed(name, fitted)

    def table(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The client's name -> the upstream's, for those tools of the request whose names do not fit; mostly none. No two tools get one
        name."""
        names = list(_names(body))
        unfit = [name for name in names if not self._fits(name)]
        if not unfit:
            return {}
        taken = set(names)
        table: dict[str, str] = {}
        for name in dict.fromkeys(unfit):
            fitted = self.fit(name)
            table[name] = fitted if fitted not in taken else self._hashed(name, fitted)
            taken.add(table[name])
        return table

    def naming(self, body: Mapping[str, Any]) -> Naming:
        """The upstream's name for a client's, in everything that the request says of tools; one that is called in its history, but no
        longer offered, included."""
        table = self.table(body)
        return (lambda name: table.get(name) or self.fit(name)) if table else self.fit

    def originals(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The upstream's name -> the client's, where they differ."""
        return {fitted: name for name, fitted in self.table(body).items()}

    def _hashed(self, name: str, fitted: str) -> str:
        return f"{fitted[: self._longest - HASH_LENGTH - 1]}_{text_hash(name, HASH_LENGTH)}"


@lru_cache(maxsize=64)
def fitter(rule: ToolNames) -> NameFitter:
    """The fitter of a rule."""
    return NameFitter(rule)


def _names(body: Mapping[str, Any]) -> Iterable[str]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(name := function_of(tool).get("name"), str):
            yield name
    functions = body.get("functions")
    for function in functions if isinstance(functions, list) else ():
        if isinstance(function, dict) and isinstance(name := function.get("name"), str):
            yield name


def restore(answer: ChatResult | ChatChunk, originals: Mapping[str, str]) -> None:
    """Give the tool calls of an answer or a chunk, in place, the names that the client knows."""
    for choice in answer.choices:
        said: JSONObject = choice.get("message") or choice.get("delta") or {}
        for call in said.get("tool_calls") or ():
            function = call.get("function") or {}
            if (name := originals.get(function.get("name", ""))) is not None:
                function["name"] = name
