"""How long a recording is, by its header or its size."""

import pytest

from apps.providers.audio_length import LEAST_BYTES_PER_S, SPEECH_BYTES_PER_S, audio_seconds, heard_seconds
from tests.gateway.audio import SAMPLES


def little(number: int, width: int) -> bytes:
    return number.to_bytes(width, "little")


def big(number: int, width: int) -> bytes:
    return number.to_bytes(width, "big")


SIZE = 30 * 16_000
RECORDINGS = {
    "wav": b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0" + little(8_000, 4) + little(16_000, 4),
    "wav with a chunk before": b"RIFF\0\0\0\0WAVEJUNK\x04\0\0\0abcdfmt \x10\0\0\0\x01\0\x01\0"
    + little(8_000, 4)
    + little(16_000, 4),
    "flac": b"fLaC\0\0\0\x22" + bytes(10) + big((44_100 << 44) | 30 * 44_100, 8),
    "mp3": b"\xff\xfb\x90\x64",
    "mp3 with a tag": b"ID3\x04\0\0\0\0\0\x05hello\xff\xfb\x90\x64",
    "mp4": b"\0\0\0\x20ftypM4A \0\0\0\0....mvhd" + bytes(12) + big(1_000, 4) + big(30_000, 4),
    "mp4 of 64 bits": b"\0\0\0\x20ftypM4A \0\0\0\0....mvhd\x01" + bytes(19) + big(1_000, 4) + big(30_000, 8),
}
TAILS = {
    "opus": (b"OggS\0\x02" + bytes(20) + b"OpusHead", b"OggS\0\x04" + little(30 * 48_000, 8)),
    "vorbis": (
        b"OggS\0\x02" + bytes(20) + b"\x01vorbis\0\0\0\0\x01" + little(44_100, 4),
        b"OggS\0\x04" + little(30 * 44_100, 8),
    ),
    "mp4 with its header last": (
        b"\0\0\0\x20ftypM4A ",
        b"mvhd" + bytes(12) + big(1_000, 4) + big(30_000, 4),
    ),
}


@pytest.mark.parametrize("head", RECORDINGS.values(), ids=RECORDINGS)
def test_is_what_the_header_says(head: bytes):
    assert audio_seconds(head.ljust(SIZE, b"\0")) == 30


@pytest.mark.parametrize(("head", "tail"), TAILS.values(), ids=TAILS)
def test_is_what_the_end_says(head: bytes, tail: bytes):
    assert audio_seconds(head.ljust(SIZE, b"\0") + tail) == 30


def test_is_guessed_by_the_size_where_nothing_tells():
    assert audio_seconds(SAMPLES["webm"].ljust(SPEECH_BYTES_PER_S * 7, b"\0")) == 7


@pytest.mark.parametrize("audio", [b"", *SAMPLES.values(), *RECORDINGS.values(), b"\xff" * 99], ids=str)
def test_of_the_shortest_is_a_second(audio: bytes):
    assert audio_seconds(audio) == 1


@pytest.mark.parametrize("cut", range(0, 80, 3))
@pytest.mark.parametrize("head", RECORDINGS.values(), ids=RECORDINGS)
def test_anything_may_be_cut_off_anywhere(head: bytes, cut: int):
    assert audio_seconds(head[:cut]) == 1


def test_no_header_makes_a_small_file_last_for_weeks():
    endless = b"fLaC\0\0\0\x22" + bytes(10) + big((1 << 44) | ((1 << 36) - 1), 8)

    assert audio_seconds(endless.ljust(LEAST_BYTES_PER_S * 9, b"\0")) == 10


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (12.2, 13),
        (0.01, 1),
        (None, None),
        (0.0, None),
        (-3.0, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e12, 5),
    ],
)
def test_upstreams_are_believed_within_reason(said: float | None, heard: int | None):
    audio = bytes(LEAST_BYTES_PER_S * (4 if said == 1e12 else 400))

    assert heard_seconds(said, audio) == heard
