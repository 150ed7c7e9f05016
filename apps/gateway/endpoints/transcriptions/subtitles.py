"""Segments of a transcript as SubRip and WebVTT."""

from collections.abc import Iterable

from apps.core.json_types import JSONObject

MS_PER_S, S_PER_MINUTE, MINUTES_PER_HOUR = 1000, 60, 60


def srt(segments: Iterable[JSONObject]) -> str:
    """SubRip: numbered cues, times with a comma."""
    cues = [f"{number}\n{_cue(segment, ',')}\n" for number, segment in enumerate(segments, start=1)]
    return "\n".join(cues)


def vtt(segments: Iterable[JSONObject]) -> str:
    """WebVTT: a header, times with a point."""
    return "\n".join(["WEBVTT\n", *(f"{_cue(segment, '.')}\n" for segment in segments)])


def _cue(segment: JSONObject, mark: str) -> str:
    """Times and text. A blank line or an arrow inside the text would end the cue."""
    lines = [line.strip() for line in segment["text"].splitlines()]
    text = "\n".join(line for line in lines if line).replace("-->", "->")
    return f"{_time(segment['start'], mark)} --> {_time(segment['end'], mark)}\n{text}"


def _time(seconds: float, mark: str) -> str:
    total_s, ms = divmod(round(seconds * MS_PER_S), MS_PER_S)
    minutes, s = divmod(total_s, S_PER_MINUTE)
    hours, minutes = divmod(minutes, MINUTES_PER_HOUR)
    return f"{hours:02}:{minutes:02}:{s:02}{mark}{ms:03}"
