"""The language of strategies at a glance: its fields, and clauses to begin with."""

from typing import Final, NamedTuple

from apps.strategies.expression import FIELDS

EXAMPLES: Final = (
    ("'fast' in tags", "models of providers that answer fast"),
    ("latency_ema_ms < 800", "answered within 0.8 s lately; unknown counts as no"),
    ("rpd_remaining > 0.3", "at least 30 % of the day's requests are left"),
    ("context_window >= 128000", "long prompts fit"),
    ("tools || !request.has_tools", "calls tools, where the request has any"),
    ("model.contains('coder')", "by its name"),
    ("name in ['one', 'other']", "by its provider"),
    ("free", "costs nothing"),
    ("request.language == 'de' && 'eu' in tags", "German texts stay where the tag says"),
)
METHODS: Final = ("contains(", "startsWith(", "endsWith(")


class Word(NamedTuple):
    """A field of the language."""

    name: str
    type: str
    meaning: str


def fields_in_words() -> list[Word]:
    """All of them, as docs/STRATEGY_DSL.md has them."""
    return [
        Word(field.name, str(field.type), f"{field.meaning}{'' if field.unit == '-' else f', {field.unit}'}")
        for field in FIELDS.values()
    ]
