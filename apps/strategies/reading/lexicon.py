"""The word lists of `words/`, in the form that reading needs: one look-up a word, one a pair of words."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import Struct

FOLDER: Final = Path(__file__).parent / "words"
LANGUAGES: Final = ("en", "es", "fr", "de", "pt")
WEIGHTS: Final[Mapping[str, float]] = {"strong": 2.0, "hints": 1.0, "faint": 0.5}


class Weight(NamedTuple):
    """What an entry adds to the score of each intent."""

    code: float = 0.0
    reasoning: float = 0.0

    def or_more(self, other: "Weight") -> "Weight":
        return Weight(max(self.code, other.code), max(self.reasoning, other.reasoning))


class Lexicon(Struct, frozen=True):
    """The cues of one language, those common to all languages included.

    `words` and `phrases` are lower case. `phrases`: first two words -> (phrase, weight) of every phrase that begins so.
    `marks`: a sign -> (mark, weight) of every notation whose first sign it is; "" for those of letters alone.
    """

    words: Mapping[str, Weight]
    phrases: Mapping[tuple[str, str], tuple[tuple[str, Weight], ...]]
    marks: Mapping[str, tuple[tuple[str, Weight], ...]]


MARK_WEIGHTS: Final = {"code": Weight(code=WEIGHTS["hints"]), "reasoning": Weight(reasoning=WEIGHTS["hints"])}

File = Mapping[str, Any]


def _load(name: str) -> File:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _entries(files: Iterable[File]) -> Iterator[tuple[tuple[str, ...], Weight]]:
    """(words of the entry, weight) of every entry of the cue sections."""
    for file in files:
        for tier, weight in WEIGHTS.items():
            for section, worth in (("code", Weight(code=weight)), ("reasoning", Weight(reasoning=weight))):
                for entry in file[section].get(tier, "").split(","):
                    if words := tuple(entry.split()):
                        yield words, worth


def _lexicon(*files: File) -> Lexicon:
    """One set of cues from several files; an entry that stands in two counts with its larger weight."""
    words: dict[str, Weight] = {}
    phrases: defaultdict[tuple[str, str], dict[str, Weight]] = defaultdict(dict)
    for entry, weight in _entries(files):
        if len(entry) == 1:
            words[entry[0]] = weight.or_more(words.get(entry[0], Weight()))
        else:
            same_start = phrases[entry[0], entry[1]]
            phrase = " ".join(entry)
            same_start[phrase] = weight.or_more(same_start.get(phrase, Weight()))
    return Lexicon(
        words,
        {pair: tuple(same_start.items()) for pair, same_start in phrases.items()},
        _marks(files),
    )


def _marks(files: Iterable[File]) -> dict[str, tuple[tuple[str, Weight], ...]]:
    marks: defaultdict[str, list[tuple[str, Weight]]] = defaultdict(list)
    for file in files:
        for section, weight in MARK_WEIGHTS.items():
            for mark in file[section].get("marks", ()):
                signs = [character for character in mark if not (character.isalnum() or character.isspace())]
                marks[signs[0] if signs else ""].append((mark, weight))
    return {sign: tuple(with_it) for sign, with_it in marks.items()}


def _language_words(files: Mapping[str, File], rivals: File) -> dict[str, tuple[tuple[str, float], ...]]:
    """Word -> (language, weight) of each that has it, the cues of a language among them. A word that n of LANGUAGES
    share weighs 1/n.
    """
    users: defaultdict[str, list[str]] = defaultdict(list)
    for name, file in files.items():
        cues = {entry[0] for entry, _ in _entries([file]) if len(entry) == 1}
        for word in cues.union(file["function"].split()):
            users[word].append(name)
    for name, text in rivals.items():
        for word in set(text.split()):
            users[word].append(name)
    return {
        word: tuple((name, 1.0 / max(1, sum(user in LANGUAGES for user in names))) for name in names)
        for word, names in users.items()
    }


_common = _load("common")
_files = {name: _load(name) for name in LANGUAGES}

LEXICONS: Final[Mapping[str, Lexicon]] = {
    "": _lexicon(_common, *_files.values()),
    **{name: _lexicon(_common, file) for name, file in _files.items()},
}
"""Language -> its cues. "", a language that is not recognised, has those of all."""

LANGUAGE_WORDS: Final = _language_words(_files, _load("rivals"))
"""Word -> the languages that it speaks for. Rivals, which are no LANGUAGES, only keep their texts from being taken for
one of them."""

LETTERS: Final[Mapping[str, tuple[str, ...]]] = {
    letter: tuple(name for name, file in _files.items() if letter in file["letters"])
    for letter in sorted({letter for file in _files.values() for letter in file["letters"]})
}
"""Letter -> the languages that it is typical of."""

CODING_TOOLS: Final = frozenset(name.strip() for name in _common["code"]["tools"].split(","))
"""Names, lower case, of tools that agents for programming offer."""
