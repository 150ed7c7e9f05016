"""How often reading is right, measured on labelled prompts. Pure, but for reading their file.

The file is TOML: `[<language>.<intent>]` tables with `dev` and `test` lists of prompts, and "other" for every language
that is not recognised. `dev` is what the word lists are developed on, `test` is held out.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from apps.providers.types import ChatRequest
from apps.strategies.reading import Intent, observe
from apps.strategies.reading.lexicon import LANGUAGES

Split = Literal["dev", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)
OTHER: Final = "other"


class PromptsError(ValueError):
    """The file is not one of labelled prompts."""


class Reading(Struct, frozen=True):
    """A prompt's labels, and what was read instead or as well. "" is no language."""

    split: Split
    language: str
    intent: Intent
    read_language: str
    read_intent: Intent


class Share(Struct, frozen=True):
    """How many of how many were right."""

    right: int
    total: int

    @property
    def ratio(self) -> float:
        return self.right / self.total if self.total else 0.0


class Accuracy(Struct, frozen=True):
    """One split. `confusion`: (label, what was read) -> how many, for intents."""

    language: Share
    intent: Share
    by_language: dict[str, Share]
    intent_by_language: dict[str, Share]
    by_intent: dict[str, Share]
    confusion: Mapping[tuple[str, str], int]


def read_prompts(path: Path) -> list[Reading]:
    """Read every prompt of the file. Raises OSError, PromptsError."""
    try:
        tables: dict[str, dict[str, dict[str, list[str]]]] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PromptsError(str(error)) from error
    readings: list[Reading] = []
    for language, intents in tables.items():
        for intent, lists in intents.items():
            if language not in {*LANGUAGES, OTHER} or intent not in get_args(Intent):
                raise PromptsError(f"[{language}.{intent}] is not a language and an intent")
            for split in SPLITS:
                readings += [_read(prompt, split, language, intent) for prompt in lists.get(split, ())]
    return readings


def _read(prompt: str, split: Split, language: str, intent: Any) -> Reading:
    seen = observe(ChatRequest(model=None, body={"messages": [{"role": "user", "content": prompt}]}))
    return Reading(split, "" if language == OTHER else language, intent, seen.language, seen.intent)


def report(readings: Sequence[Reading]) -> Accuracy:
    """The shares that were right."""
    languages = [
        (reading.language or OTHER, reading.language == reading.read_language) for reading in readings
    ]
    intents = [(reading, reading.intent == reading.read_intent) for reading in readings]
    return Accuracy(
        language=_share(languages),
        intent=_share(intents),
        by_language=_shares(languages),
        intent_by_language=_shares((reading.language or OTHER, right) for reading, right in intents),
        by_intent=_shares((reading.intent, right) for reading, right in intents),
        confusion=Counter((reading.intent, reading.read_intent) for reading in readings),
    )


def _share(judged: Sequence[tuple[object, bool]]) -> Share:
    return Share(sum(right for _, right in judged), len(judged))


def _shares(judged: Iterable[tuple[str, bool]]) -> dict[str, Share]:
    groups: dict[str, list[tuple[object, bool]]] = {}
    for label, right in judged:
        groups.setdefault(label, []).append((label, right))
    return {label: _share(group) for label, group in groups.items()}
