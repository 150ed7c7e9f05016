"""What codes and texts mean at one provider: its own, and before those of all."""

from collections.abc import Iterator

from apps.providers.types import Preset

from .meanings import CODES, LIMIT, LIMIT_CODES, MEANINGS, Meaning, Table, compile_text


class Vocabulary:
    """The errors of one preset, compiled (see `Preset.compiled`).

    `codes`: what a code in lower case means. `limit_codes`: those that say "rate limit" and leave it to the text which. `texts`: the
    provider's own, by HTTP status.
    """

    def __init__(self, preset: Preset) -> None:
        """Raises ValueError for a word that is no meaning, and for what is no regular expression."""
        own = dict(_own_codes(preset))
        limits = {code for code, meaning in own.items() if meaning is None}
        self.codes = {code: meaning for code, meaning in {**CODES, **own}.items() if meaning is not None}
        self.limit_codes = LIMIT_CODES | limits
        self.texts: dict[int, Table] = {}
        for entry in preset.error_texts:
            row = (compile_text(entry.text), _meaning(entry.means, "error_texts"))
            for status in entry.statuses:
                self.texts[status] = (*self.texts.get(status, ()), row)


def _own_codes(preset: Preset) -> Iterator[tuple[str, Meaning | None]]:
    for word, codes in preset.errors.items():
        meaning = None if word == LIMIT else _meaning(word, "errors")
        for code in codes:
            yield code.lower(), meaning


def _meaning(word: str, field: str) -> Meaning:
    if word not in MEANINGS:
        raise ValueError(f"{field}: {word!r} is none of {', '.join([*MEANINGS, LIMIT])}")
    return MEANINGS[word]
