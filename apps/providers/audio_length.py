"""How long a recording is, by its header where that is cheap to read, else by its size. Pure; the bytes may be anything."""

import re
from math import ceil, isfinite
from typing import Final

SPEECH_BYTES_PER_S: Final = 4_000
"""Of compressed speech at 32 kbit/s: who compresses less is taken to have said more than he did, and that is corrected afterwards."""
LEAST_BYTES_PER_S: Final = 250
"""No codec in use needs less, so that no header makes a small file last for weeks."""
LOOKED_AT: Final = 1 << 20
MP3_FRAME: Final = re.compile(rb"\xff([\xe2\xe3\xf2\xf3\xfa\xfb])([\x10-\xef])", re.DOTALL)
"""Of layer III: its version, and the place of its bit rate in the table."""
MPEG_1: Final = (b"\xfa", b"\xfb")
BYTES_PER_KBIT: Final = 125
MP3_KBIT: Final = (
    # MPEG 1 and 2, layer III
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)


def audio_seconds(audio: bytes) -> int:
    """About how many seconds to reserve, at least one."""
    told = _wav(audio) or _flac(audio) or _ogg(audio) or _mp4(audio) or _mp3(audio)
    return _bounded(told or len(audio) / SPEECH_BYTES_PER_S, audio)


def heard_seconds(duration_s: float | None, audio: bytes) -> int | None:
    """What an upstream says of the length of `audio`, in whole seconds; None where it says nothing that can be true."""
    if duration_s is None or not isfinite(duration_s) or duration_s <= 0:
        return None
    return _bounded(duration_s, audio)


def _bounded(seconds: float, audio: bytes) -> int:
    return max(1, min(ceil(seconds), len(audio) // LEAST_BYTES_PER_S + 1))


def _wav(audio: bytes) -> float:
    if audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
        return 0.0
    at = audio.find(b"fmt ", 12, LOOKED_AT)
    rate = int.from_bytes(audio[at + 16 : at + 20], "little") if at > 0 else 0
    return len(audio) / rate if rate else 0.0


def _flac(audio: bytes) -> float:
    """STREAMINFO comes first: 20 bits of sample rate, and 36 of the number of samples, behind 10 bytes."""
    if audio[:4] != b"fLaC":
        return 0.0
    packed = int.from_bytes(audio[18:26], "big")
    rate, samples = packed >> 44, packed & ((1 << 36) - 1)
    return samples / rate if rate else 0.0


def _ogg(audio: bytes) -> float:
    """The last page says how many samples there were; Opus counts 48,000 a second whatever the recording had."""
    if audio[:4] != b"OggS":
        return 0.0
    page = audio.rfind(b"OggS", max(0, len(audio) - LOOKED_AT))
    samples = int.from_bytes(audio[page + 6 : page + 14], "little")
    vorbis = audio.find(b"\x01vorbis", 0, 512)
    rate = 48_000 if vorbis < 0 else int.from_bytes(audio[vorbis + 12 : vorbis + 16], "little")
    return samples / rate if rate else 0.0


def _mp4(audio: bytes) -> float:
    """`mvhd`, at the beginning or the end: timescale and duration, behind two times of its version's width."""
    if audio[4:8] != b"ftyp":
        return 0.0
    at = audio.find(b"mvhd", 0, LOOKED_AT)
    if at < 0:
        at = audio.rfind(b"mvhd", max(0, len(audio) - LOOKED_AT))
    if at < 0:
        return 0.0
    width = 8 if audio[at + 4 : at + 5] == b"\x01" else 4
    start = at + 8 + 2 * width
    scale = int.from_bytes(audio[start : start + 4], "big")
    duration = int.from_bytes(audio[start + 4 : start + 4 + width], "big")
    return duration / scale if scale else 0.0


def _mp3(audio: bytes) -> float:
    """By the bit rate of the first frame. A recording of another rate further on is corrected afterwards."""
    at = 0
    if audio[:3] == b"ID3":
        size = audio[6:10]
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=False))
    frame = MP3_FRAME.match(audio, at)
    if frame is None:
        return 0.0
    kbit = MP3_KBIT[frame[1] not in MPEG_1][(frame[2][0] >> 4) - 1]
    return (len(audio) - at) / (kbit * BYTES_PER_KBIT)
