"""Reading a text: its language, and how much in it speaks of programming or asks for reasoning. Pure.

Nothing is understood here. Words, phrases and notations are looked up in lists (`words/`) and their weights added up.
Every step is one pass over the text or over its words, whatever the text: no pattern backtracks. Results do not depend
on the order of sets, so a text reads the same in every process.
"""

import re
from collections import defaultdict
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec import Struct

from apps.strategies.reading.lexicon import (
    LANGUAGE_WORDS,
    LANGUAGES,
    LETTERS,
    LEXICONS,
    WEIGHTS,
    Lexicon,
    Weight,
)

WORD: Final = re.compile(r"\w+")
FENCE: Final = "```"

MIN_LANGUAGE_SCORE: Final = 1.25
"""A text with less evidence than this (one word of its own and a shared one) has no language."""
MIN_LANGUAGE_LEAD: Final = 1.2
"""How many times the evidence of the next best a language needs."""
MIN_LANGUAGE_DENSITY: Final = 0.1
"""Evidence per distinct word below which a text is a list, a program or in a language that is not known here."""
LETTER_WEIGHT: Final = 0.5

HINT: Final = WEIGHTS["hints"]
CUE_SCORE: Final = 2.0
"""The sum of weights that is enough: one strong entry or two hints."""
WORDS_FREE: Final = 40
WORDS_PER_HINT: Final = 120
"""A long text contains cues by chance: beyond WORDS_FREE, for every so many words it must score one more."""
MAX_FAINT: Final = 1.0
"""What entries weaker than a hint add at most, however many there are: alone they are never enough."""
MAX_MARKS: Final = 3
"""So many marks of notation count, so that a pasted file does not outweigh what is asked about it."""
MAX_IDENTIFIERS: Final = 2
MIN_CAMEL_HUMP: Final = 2
"""Lower-case letters before the first capital of a camelCase name: `iPhone`, `kWh` and `mRNA` are none."""
MANY_NUMBERS: Final = 3
"""So many different numbers in a text are a hint of a calculation."""
MAX_CUES: Final = 8

Found = dict[str, float]
"""Cue -> its weight."""


class Scores(Struct, frozen=True):
    """How much speaks for each intent: 1.0 and more is enough. `*_cues` are the first MAX_CUES things found."""

    code: float = 0.0
    reasoning: float = 0.0
    code_cues: tuple[str, ...] = ()
    reasoning_cues: tuple[str, ...] = ()


class Pieces(NamedTuple):
    """A text taken apart, once for all questions. `words` are the `tokens` in lower case, `distinct` the words, each once."""

    text: str
    tokens: list[str]
    words: list[str]
    distinct: dict[str, None]


def read(text: str) -> tuple[str, Scores]:
    """The text's language and scores."""
    pieces = _take_apart(text)
    found = _language(_take_apart(_prose(text)) if FENCE in text else pieces)
    return found, _scores(pieces, LEXICONS[found])


def language(text: str) -> str:
    """One of "en", "es", "fr", "de" and "pt"; "" if the text is too short, a program, or in any other language."""
    return _language(_take_apart(_prose(text)))


def _prose(text: str) -> str:
    """The text without its fenced blocks of code."""
    return " ".join(text.split(FENCE)[::2])


def _take_apart(text: str) -> Pieces:
    tokens = WORD.findall(text)
    words = list(map(str.lower, tokens))
    return Pieces(text, tokens, words, dict.fromkeys(words))


def _language(pieces: Pieces) -> str:
    words = pieces.distinct
    if not pieces.text.isupper():
        # SQL's words are English, whatever the language around them.
        shouted = {token.lower() for token in pieces.tokens if token.isupper() and len(token) > 1}
        words = {word: None for word in words if word not in shouted} if shouted else words
    evidence = _evidence(words, pieces.text)
    if not evidence:
        return ""
    best = max(evidence, key=evidence.__getitem__)
    score = evidence.pop(best)
    lead = MIN_LANGUAGE_LEAD * max(evidence.values(), default=0.0)
    enough = max(MIN_LANGUAGE_SCORE, MIN_LANGUAGE_DENSITY * len(words), lead)
    return best if best in LANGUAGES and score >= enough else ""


def _evidence(words: dict[str, None], text: str) -> defaultdict[str, float]:
    """How much speaks for each language."""
    evidence: defaultdict[str, float] = defaultdict(float)
    for word in filter(LANGUAGE_WORDS.__contains__, words):
        for name, weight in LANGUAGE_WORDS[word]:
            evidence[name] += weight
    if not text.isascii():
        for letter in filter(text.__contains__, LETTERS):
            for name in LETTERS[letter]:
                evidence[name] += LETTER_WEIGHT
    return evidence


def _scores(pieces: Pieces, lexicon: Lexicon) -> Scores:
    code: Found = {}
    reasoning: Found = {}
    for cue, weight in [*_listed(pieces, lexicon), *_marks(pieces.text, lexicon)]:
        if weight.code:
            code[cue] = weight.code
        if weight.reasoning:
            reasoning[cue] = weight.reasoning
    code |= _identifiers(pieces)
    if len([word for word in pieces.distinct if word.isdigit()]) >= MANY_NUMBERS:
        reasoning["numbers"] = HINT
    enough = CUE_SCORE + max(0, len(pieces.words) - WORDS_FREE) / WORDS_PER_HINT
    return Scores(
        round(_total(code) / enough, 2),
        round(_total(reasoning) / enough, 2),
        tuple(code)[:MAX_CUES],
        tuple(reasoning)[:MAX_CUES],
    )


def _total(found: Found) -> float:
    weights = found.values()
    faint = sum([weight for weight in weights if weight < HINT])
    return sum([weight for weight in weights if weight >= HINT]) + min(MAX_FAINT, faint)


def _listed(pieces: Pieces, lexicon: Lexicon) -> list[tuple[str, Weight]]:
    """The listed phrases, then the listed words, each once."""
    words, phrases, known = pieces.words, lexicon.phrases, lexicon.words
    found: list[tuple[str, Weight]] = []
    joined = ""
    for pair in dict.fromkeys(filter(phrases.__contains__, pairwise(words))):
        joined = joined or f" {' '.join(words)} "
        found += [entry for entry in phrases[pair] if f" {entry[0]} " in joined]
    return found + [(word, known[word]) for word in filter(known.__contains__, pieces.distinct)]


def _marks(text: str, lexicon: Lexicon) -> list[tuple[str, Weight]]:
    """The first MAX_MARKS marks, in the order of the lists."""
    signs = filter(text.__contains__, lexicon.marks)  # "" is in every text
    return [entry for sign in signs for entry in lexicon.marks[sign] if entry[0] in text][:MAX_MARKS]


def _identifiers(pieces: Pieces) -> Found:
    """Names as programs have them: snake_case and camelCase."""
    tokens = pieces.tokens
    if "_" not in pieces.text:
        tokens = [token for token in tokens if not token.islower()]
    names = [token for token in dict.fromkeys(tokens) if "_" in token or _is_camel_case(token)]
    return dict.fromkeys(names[:MAX_IDENTIFIERS], HINT)


def _is_camel_case(token: str) -> bool:
    return token[:MIN_CAMEL_HUMP].islower() and not token.islower()
