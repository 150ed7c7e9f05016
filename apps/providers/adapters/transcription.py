"""Transcriptions on every wire; refusals are classified by the provider's own."""

from msgspec import Struct

from apps.providers.adapters import codecs
from apps.providers.adapters.contract import TranscriptionCodec
from apps.providers.demands.transcription import TranscriptionRequest
from apps.providers.types import Offer
from apps.providers.wires import MIB

CODECS: dict[str, TranscriptionCodec] = codecs(lambda wire: wire.transcription)


class Misfit(Struct, frozen=True):
    """Why a wire cannot carry a file. `too_large`: a smaller one it could."""

    detail: str
    too_large: bool = False


def codec_for(offer: Offer) -> TranscriptionCodec:
    """The codec of the offer's transcription wire."""
    return CODECS[offer.preset.transcription.wire]


def why_unfit(request: TranscriptionRequest, offer: Offer) -> Misfit | None:
    """Why this wire cannot carry the request, None if it can."""
    wire = offer.preset.transcription
    if request.into_english and not codec_for(offer).translates:
        return Misfit("does not translate")
    if request.format not in wire.formats:
        return Misfit(f"takes no {request.format} files")
    if wire.language_required and not request.language and not request.into_english:
        return Misfit("needs `language`")
    if len(request.audio) > wire.max_bytes:
        return Misfit(f"takes files of at most {wire.max_bytes // MIB} MB", too_large=True)
    return None


def dropped(request: TranscriptionRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream."""
    given = [name for name in ("language", "prompt", "temperature") if getattr(request, name) is not None]
    given += dict.fromkeys(name for name, _ in request.extra)
    unsent = offer.preset.transcription.drops
    return tuple(name for name in given if name in unsent or not codec_for(offer).sends(name, request))
