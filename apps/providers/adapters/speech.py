"""Speech on every wire; refusals are classified by the provider's own."""

import re
from typing import Final

from msgspec.structs import replace

from apps.providers.adapters import codecs
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.shared.posts import unsent
from apps.providers.demands.speech import PLAIN_SPEED, Speech, SpeechRequest
from apps.providers.types import Offer

CODECS: dict[str, TaskCodec[SpeechRequest, Speech]] = codecs(lambda wire: wire.speech)
JOINED: Final = frozenset({"wav", "pcm"})
"""Formats whose samples can be put one behind the other."""
BREAKS: Final = (
    re.compile(r"[.!?。！？…]+[\s\"')\]]*|\n+"),
    re.compile(r"[,;:、，；]\s*"),
    re.compile(r"\s+"),
)
"""Where a text may be cut, the best first."""


def codec_for(offer: Offer) -> TaskCodec[SpeechRequest, Speech]:
    """The codec of the offer's speech wire."""
    return CODECS[offer.preset.speech.wire]


def why_unfit(request: SpeechRequest, offer: Offer) -> str:
    """Why this wire cannot carry the request, "" if it can."""
    wire = offer.preset.speech
    if request.format is not None and request.format not in wire.formats:
        return f"gives no {request.format}, but {', '.join(sorted(wire.formats))}"
    if request.speed != PLAIN_SPEED and "speed" in wire.drops:
        return "speaks at its own speed"
    if request.instructions and "instructions" in wire.drops:
        return "takes no instructions"
    if len(request.text) > wire.longest and (request.format or wire.native) not in JOINED:
        return f"takes at most {wire.longest} characters"
    return ""


def dropped(request: SpeechRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream."""
    drops = offer.preset.speech.drops
    lost = unsent(request.extra, drops, codec_for(offer).sends)
    return ("voice", *lost) if "voice" in drops else lost


def split(request: SpeechRequest, offer: Offer) -> list[SpeechRequest]:
    """The request in parts that are no longer than the upstream takes, cut between sentences where there are any."""
    return [replace(request, text=text) for text in pieces(request.text, offer.preset.speech.longest)]


def pieces(text: str, longest: int) -> list[str]:
    """`text` in its order, in pieces that say something and are no longer than that."""
    found = []
    while len(text) > longest:
        end = _end(text[:longest])
        found.append(text[:end])
        text = text[end:]
    return [piece for piece in (*found, text) if piece.strip()]


def _end(head: str) -> int:
    """Where the best place to cut is in it."""
    for pattern in BREAKS:
        ends = [found.end() for found in pattern.finditer(head)]
        if ends:
            return ends[-1]
    return len(head)
