"""What kind of audio a file is, by its first bytes: names and declared types are often wrong."""

from apps.providers.wires import AudioFormat

ID3_HEADER = 10
MP4_BRANDS: dict[bytes, AudioFormat] = {b"M4A ": "m4a", b"M4B ": "m4a"}
SIGNATURES: tuple[tuple[bytes, AudioFormat], ...] = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),  # Vorbis and Opus alike
    (b"\x1aE\xdf\xa3", "webm"),
    (b"ADIF", "aac"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\x00\x00\x01\xb3", "mpeg"),
)


def detect(data: bytes) -> AudioFormat | None:
    """The format of `data`, None for anything that is no audio. Source: the formats' own specifications."""
    tagged = data.startswith(b"ID3")
    start = data[_after_id3(data) :][:16] if tagged else data[:16]
    for signature, name in SIGNATURES:
        if start.startswith(signature):
            return name
    if start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE":
        return "wav"
    if start[4:8] == b"ftyp":
        return MP4_BRANDS.get(start[8:12], "mp4")
    return _mpeg_frame(start) or ("mp3" if tagged else None)


def _after_id3(data: bytes) -> int:
    """Where the ID3v2 tag at the start of `data` ends: its size has seven bits a byte."""
    size = 0
    for byte in data[6:ID3_HEADER]:
        size = size << 7 | byte & 0x7F
    return ID3_HEADER + size


def _mpeg_frame(start: bytes) -> AudioFormat | None:
    """MPEG audio begins with eleven set bits; the layer bits are 0 in AAC's ADTS alone."""
    if len(start) < 2 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - the sync word
        return None
    if start[1] & 0xF6 == 0xF0:  # noqa: PLR2004 - twelve set bits, then layer 0
        return "aac"
    version_reserved = start[1] & 0x18 == 0x08  # noqa: PLR2004
    return None if version_reserved or not start[1] & 0x06 else "mp3"
