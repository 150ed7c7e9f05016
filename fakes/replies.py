"""From a behaviour and a request to the bytes on the wire, with no I/O.

A reply's steps are played in order: bytes are written at once, a float waits until that many seconds after
the headers, an `Ending` stops the reply there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from .answers import Asked, build_answer
from .behaviours import GARBAGE_IN_A_ROW, Behaviour, Deviation, Way
from .families.base import Event, Family
from .faults import Fault
from .upstreams.base import Upstream

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"
STREAM_TYPE = "text/event-stream"

_HTML = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body><h1>Checking your browser</h1></body></html>"
)
_GARBAGE = b'data: {"id": "garbage", "choices": [{"delta": {"content'
_KEEP_ALIVE = b": keep-alive"
_SPLIT_GAP_S = 0.002
_CONTINUATION_BITS = 0xC0
_CONTINUATION = 0x80
_CACHED_REPLIES = 256
# A whole answer has no frames: an error that would come in one is the whole answer.
_ERROR_IN_STREAM = {Deviation.ERROR_IN_200}
_ERROR_IN_WHOLE = {Deviation.ERROR_IN_200, Deviation.ERROR_FRAME, Deviation.ERROR_FRAME_FIRST}


class Ending(Enum):
    """How a reply stops short: never another byte, or a closed connection."""

    STALL = auto()
    CUT = auto()


Step = bytes | float | Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer as bytes. `instead` replaces all of it, headers included; `wait_s` precedes the headers.

    `length` is the Content-Length announced (None for chunked), `tokens` what the answer costs in tokens.
    """

    content_type: str
    steps: tuple[Step, ...]
    status: int = 200
    length: int | None = None
    wait_s: float = 0.0
    instead: Ending | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Frame:
    data: bytes
    content: bool = False


@lru_cache(maxsize=_CACHED_REPLIES)
def compose(upstream: Upstream, family: Family, behaviour: Behaviour, asked: Asked) -> Reply:
    """The reply to a request that is answered. Cached, because the same question has the same answer."""
    if behaviour.way is Way.STALL_HEADERS:
        return Reply(content_type=JSON_TYPE, steps=(), instead=Ending.STALL)
    if behaviour.way is Way.RESET:
        return Reply(content_type=JSON_TYPE, steps=(), instead=Ending.CUT)
    if Deviation.HTML in behaviour.deviations:
        return _whole_reply(_HTML, behaviour, content_type=HTML_TYPE)
    if behaviour.deviations & (_ERROR_IN_STREAM if asked.stream else _ERROR_IN_WHOLE):
        problem = upstream.problem(Fault.INTERNAL)
        return _whole_reply(upstream.refusal(problem, model=asked.model, now=0.0)[0], behaviour)
    answer = build_answer(behaviour.content, asked, pieces=behaviour.pieces)
    tokens = answer.prompt_tokens + answer.completion_tokens
    if asked.stream:
        events = family.events(asked, answer, behaviour.deviations)
        frames = list(_frames(upstream, family, events, behaviour))
        return Reply(content_type=STREAM_TYPE, steps=tuple(_stream_steps(frames, behaviour)), tokens=tokens)
    body = family.whole(asked, answer, behaviour.deviations)
    if Deviation.GARBAGE_FRAMES in behaviour.deviations:
        body = body[: len(body) // 2]
    return _whole_reply(body, behaviour, tokens=tokens)


def plain_reply(status: int, body: bytes) -> Reply:
    """A JSON document, such as a refusal."""
    return Reply(status=status, content_type=JSON_TYPE, steps=(body,), length=len(body))


def split_inside_characters(data: bytes) -> list[bytes]:
    """The bytes of UTF-8 text, cut inside every character that has more than one."""
    pieces: list[bytes] = []
    start = 0
    for i in range(1, len(data)):
        if _is_continuation(data[i]) and not _is_continuation(data[i - 1]):
            pieces.append(data[start:i])
            start = i
    return [*pieces, data[start:]]


def _is_continuation(byte: int) -> bool:
    return byte & _CONTINUATION_BITS == _CONTINUATION


def _whole_reply(
    body: bytes, behaviour: Behaviour, *, content_type: str = JSON_TYPE, tokens: int = 0
) -> Reply:
    steps: list[Step] = [body]
    if behaviour.way is Way.STALL:
        steps = [Ending.STALL]
    elif behaviour.way is Way.CUT_BEFORE_CONTENT:
        steps = [Ending.CUT]
    elif behaviour.way is Way.STALL_AFTER_CONTENT:
        steps = [body[: len(body) // 2], Ending.STALL]
    elif behaviour.way is Way.CUT:
        steps = [body[: len(body) // 2], Ending.CUT]
    elif behaviour.way is Way.SPLIT_UTF8:
        steps = _spaced(split_inside_characters(body), _SPLIT_GAP_S)
    return Reply(
        content_type=content_type,
        steps=tuple(steps),
        length=len(body),
        wait_s=behaviour.wait_s + behaviour.pieces * behaviour.interval_s,
        tokens=tokens,
    )


def _frames(
    upstream: Upstream, family: Family, events: Iterable[Event], behaviour: Behaviour
) -> Iterator[_Frame]:
    """The frames of a stream, with what the behaviour puts between, in place of, or leaves out of them."""
    deviations = behaviour.deviations
    line_end = b"\r\n" if Deviation.CRLF in deviations else family.line_end
    error = _Frame(_sse(upstream.stream_error, line_end))
    frames = [_Frame(_sse(event, line_end), event.content) for event in events]
    first = _first_content(frames)
    middle = _middle_of_content(frames)
    if upstream.opening_comment:
        yield _Frame(upstream.opening_comment + line_end * 2)
    if Deviation.ERROR_FRAME_FIRST in deviations:
        yield error
        return
    for position, frame in enumerate(frames):
        if Deviation.COMMENTS in deviations:
            yield _Frame(_KEEP_ALIVE + line_end * 2)
        if Deviation.ERROR_FRAME in deviations and position == middle:
            yield error
            return
        if Deviation.GARBAGE_FRAMES in deviations and position == first:
            yield from [_Frame(_GARBAGE + line_end * 2)] * GARBAGE_IN_A_ROW
        if Deviation.ONE_GARBAGE_FRAME in deviations and position == middle:
            yield _Frame(_GARBAGE + line_end * 2)
        yield frame
    if family.done is not None and Deviation.NO_DONE not in deviations:
        yield _Frame(_sse(Event(data=family.done), line_end))


def _sse(event: Event, line_end: bytes) -> bytes:
    name = b"event: " + event.name.encode() + line_end if event.name else b""
    return name + b"data: " + event.data + line_end * 2


def _first_content(frames: list[_Frame]) -> int:
    return next((i for i, frame in enumerate(frames) if frame.content), len(frames))


def _middle_of_content(frames: list[_Frame]) -> int:
    """The position after half of the content frames, at least one."""
    count = sum(frame.content for frame in frames)
    return _first_content(frames) + max(1, count // 2)


def _stream_steps(frames: list[_Frame], behaviour: Behaviour) -> list[Step]:
    if behaviour.interval_s:
        return _paced(frames, behaviour.interval_s)
    datas = [frame.data for frame in frames]
    first, middle = _first_content(frames), _middle_of_content(frames)
    match behaviour.way:
        case Way.STALL:
            return [Ending.STALL]
        case Way.STALL_AFTER_CONTENT:
            return [*datas[:middle], Ending.STALL]
        case Way.CUT_BEFORE_CONTENT:
            return [*datas[:first], Ending.CUT]
        case Way.CUT:
            return [*datas[:middle], Ending.CUT]
        case Way.ONE_WRITE:
            return [b"".join(datas)]
        case Way.SPLIT_UTF8:
            return _spaced(split_inside_characters(b"".join(datas)), _SPLIT_GAP_S)
        case _:
            return [behaviour.wait_s, *datas] if behaviour.wait_s else [*datas]


def _paced(frames: list[_Frame], interval_s: float) -> list[Step]:
    """Content frame i at i * interval_s, what follows the last one an interval after it."""
    count = sum(frame.content for frame in frames)
    steps: list[Step] = []
    sent = 0
    for frame in frames:
        if sent and (frame.content or sent == count):
            steps.append(sent * interval_s)
        sent += frame.content
        steps.append(frame.data)
    return steps


def _spaced(pieces: list[bytes], gap_s: float) -> list[Step]:
    """The pieces with a pause between, so that each travels in a segment of its own."""
    steps: list[Step] = []
    for position, piece in enumerate(pieces):
        steps += [position * gap_s, piece]
    return steps
