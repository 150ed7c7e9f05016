"""Llama Guard and its kin: a chat model that answers "safe", or "unsafe" and the codes of what is wrong (its model card, version 3)."""

import re
from typing import Final

from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.shared.verdicts import certain, unreadable
from apps.providers.demands.moderation import Moderation, ModerationRequest
from apps.providers.types import Offer, UpstreamRequest

from .asking import answer, ask, sends

CODES: Final[dict[str, tuple[str, ...]]] = {
    "S1": ("illicit/violent", "violence"),
    "S2": ("illicit",),
    "S3": ("sexual",),
    "S4": ("sexual/minors",),
    "S9": ("illicit/violent",),
    "S10": ("hate",),
    "S11": ("self-harm",),
    "S12": ("sexual",),
}
"""The others (defamation, advice, privacy, elections, …) have no counterpart among OpenAI's, but are unsafe."""
CODE: Final = re.compile(r"S\d{1,3}")
MOST_CODES: Final = 64


def build(request: ModerationRequest, offer: Offer) -> UpstreamRequest:
    return ask(request, offer, [], {})


def parse(body: bytes, request: ModerationRequest, offer: Offer) -> Moderation:
    text, usage = answer(body, offer)
    word, _, rest = text.strip().partition("\n")
    match word.strip().lower():
        case "safe":
            verdict = certain(flagged=False, harmful={})
        case "unsafe":
            codes = CODE.findall(rest)[:MOST_CODES]
            harmful = {name: True for code in codes for name in CODES.get(code, ())}
            verdict = certain(True, harmful, {code: True for code in codes if code not in CODES})
        case _:
            raise unreadable("the judge said neither safe nor unsafe")
    return Moderation(verdicts=(verdict,), usage=usage)


CODEC = TaskCodec(build=build, parse=parse, sends=sends, by_chat=True)
