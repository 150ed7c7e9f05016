"""What the wires share that speak: which sound an answer is, and WAV files."""

import binascii
import struct
from base64 import b64decode
from typing import Any, Final

from apps.providers.demands.speech import Speech, SpeechRequest
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sounds import detect
from apps.providers.types import Offer, Usage
from apps.providers.wires import AudioFormat, SpokenFormat

OF_BYTES: Final[dict[AudioFormat, SpokenFormat]] = {
    "mp3": "mp3",
    "ogg": "opus",
    "aac": "aac",
    "flac": "flac",
    "wav": "wav",
}
RIFF_HEAD, CHUNK_HEAD = 12, 8
BYTES_A_SAMPLE: Final = 2


def wanted(request: SpeechRequest, offer: Offer) -> SpokenFormat | None:
    """The format to ask the upstream for; None where that is its own affair."""
    return request.format or offer.preset.speech.native or None


def spoken(audio: bytes, request: SpeechRequest, offer: Offer, usage: Usage | None = None) -> Speech:
    """The answer that these bytes are. Raises UpstreamError(PARSING) for what is no sound, or another than was asked for: bytes are never
    called what they are not."""
    asked, kind = wanted(request, offer), detect(audio)
    found = OF_BYTES.get(kind) if kind is not None else None
    if asked == "pcm" and kind is None and audio and audio.lstrip()[:1] not in (b"{", b"<"):
        return Speech(audio=audio, format="pcm", usage=usage)
    if found is None:
        raise unreadable("the upstream's answer is no sound")
    if asked is not None and found != asked:
        raise unreadable(f"the upstream sent {found} where {asked} was asked for")
    if found == "wav":
        audio = write_wav(*read_wav(audio))
    return Speech(audio=audio, format=found, usage=usage)


def decoded(value: Any) -> bytes:
    """The bytes of base64. Raises UpstreamError(PARSING)."""
    if not isinstance(value, str) or not value:
        raise unreadable("the upstream sent no sound")
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unreadable("the upstream's sound is no base64") from error


def read_wav(audio: bytes) -> tuple[bytes, bytes]:
    """(format chunk, samples) of a WAV file, whatever sizes its head says: who streams one does not know them. Raises
    UpstreamError(PARSING)."""
    at, form = RIFF_HEAD, b""
    while at + CHUNK_HEAD <= len(audio):
        name, size = struct.unpack_from("<4sI", audio, at)
        body = audio[at + CHUNK_HEAD : at + CHUNK_HEAD + size]
        if name == b"fmt ":
            form = body
        elif name == b"data":
            if form and body:
                return form, body
            break
        at += CHUNK_HEAD + size + size % 2
    raise unreadable("the upstream's WAV file holds no samples")


def write_wav(form: bytes, samples: bytes) -> bytes:
    """A WAV file with the right sizes in its head."""
    chunks = b"".join(
        struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)
        for name, body in ((b"fmt ", form), (b"data", samples))
    )
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def pcm_form(rate: int) -> bytes:
    """The format chunk of 16-bit mono samples at so many a second."""
    return struct.pack("<HHIIHH", 1, 1, rate, rate * BYTES_A_SAMPLE, BYTES_A_SAMPLE, 8 * BYTES_A_SAMPLE)


def joined(parts: list[Speech]) -> Speech:
    """One sound of several, of a format whose samples can be put one behind the other. Raises UpstreamError(PARSING) where they differ."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if first.format == "pcm":
        return Speech(audio=b"".join(part.audio for part in parts), format="pcm")
    read = [read_wav(part.audio) for part in parts]
    if len({form for form, _ in read}) > 1:
        raise unreadable("the upstream's WAV files differ in their format")
    return Speech(audio=write_wav(read[0][0], b"".join(samples for _, samples in read)), format="wav")


def unreadable(message: str) -> UpstreamError:
    """The error to raise for an answer of the wrong shape."""
    return UpstreamError(ErrorKind.PARSING, message)
