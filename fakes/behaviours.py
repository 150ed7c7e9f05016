"""What a fake upstream can be asked to do, by name: `ok`, `slow_2`, `flaky_3`, `error_429_day`, …

A behaviour is data: what is said (`Content`), how the wire form deviates (`Deviation`), how the bytes travel
(`Way`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from .answers import Content
from .faults import Fault

DEFAULT_SLOW_S = 2.0
GARBAGE_IN_A_ROW = 6


class Deviation(Enum):
    """How an answer differs from what the provider's reference promises."""

    HTML = auto()
    ERROR_IN_200 = auto()
    ERROR_FRAME = auto()
    ERROR_FRAME_FIRST = auto()
    NO_DONE = auto()
    NO_USAGE = auto()
    CRLF = auto()
    COMMENTS = auto()
    GARBAGE_FRAMES = auto()
    ONE_GARBAGE_FRAME = auto()
    ROLE_EVERYWHERE = auto()
    USAGE_IN_LAST = auto()
    NO_INDEX = auto()
    NO_ID = auto()
    ARGS_OBJECT = auto()
    FINISH_STOP_WITH_TOOLS = auto()
    NO_CANDIDATES = auto()


class Way(Enum):
    """How the bytes travel."""

    PLAIN = auto()
    ONE_WRITE = auto()
    SPLIT_UTF8 = auto()
    STALL_HEADERS = auto()
    STALL = auto()
    STALL_AFTER_CONTENT = auto()
    RESET = auto()
    CUT_BEFORE_CONTENT = auto()
    CUT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One named behaviour: `failures` is how often it answers 500 first, `wait_s` the time to a token."""

    name: str
    fault: Fault | None = None
    content: Content = Content.TEXT
    pieces: int = 0
    deviations: frozenset[Deviation] = frozenset()
    way: Way = Way.PLAIN
    wait_s: float = 0.0
    interval_s: float = 0.0
    failures: int = 0


class UnknownBehaviourError(ValueError):
    """No behaviour has this name."""


_CONTENTS = {
    "ok": Content.TEXT,
    "echo": Content.ECHO,
    "empty": Content.EMPTY,
    "length": Content.TRUNCATED,
    "filtered": Content.FILTERED,
    "filtered_after_content": Content.FILTERED_AFTER_CONTENT,
    "task": Content.TASK,
    "tool_call": Content.TOOL_CALL,
    "parallel_tools": Content.PARALLEL_TOOLS,
    "text_and_tool": Content.TEXT_AND_TOOL,
    "reasoning": Content.REASONING,
    "think_tags": Content.THINK_TAGS,
    "big_event": Content.BIG,
}
_WAYS = {
    "stall_headers": Way.STALL_HEADERS,
    "stall": Way.STALL,
    "stall_after_content": Way.STALL_AFTER_CONTENT,
    "reset": Way.RESET,
    "cut_before_content": Way.CUT_BEFORE_CONTENT,
    "cut": Way.CUT,
    "many_in_one": Way.ONE_WRITE,
}
_DEVIATIONS = {
    "html_200": (Deviation.HTML, Content.TEXT),
    "error_in_200": (Deviation.ERROR_IN_200, Content.TEXT),
    "error_frame": (Deviation.ERROR_FRAME, Content.TEXT),
    "error_frame_first": (Deviation.ERROR_FRAME_FIRST, Content.TEXT),
    "no_done": (Deviation.NO_DONE, Content.TEXT),
    "no_usage": (Deviation.NO_USAGE, Content.TEXT),
    "crlf": (Deviation.CRLF, Content.TEXT),
    "comments": (Deviation.COMMENTS, Content.TEXT),
    "garbage_frames": (Deviation.GARBAGE_FRAMES, Content.TEXT),
    "one_garbage_frame": (Deviation.ONE_GARBAGE_FRAME, Content.TEXT),
    "role_everywhere": (Deviation.ROLE_EVERYWHERE, Content.TEXT),
    "usage_in_last": (Deviation.USAGE_IN_LAST, Content.TEXT),
    "no_index": (Deviation.NO_INDEX, Content.PARALLEL_TOOLS),
    "no_id": (Deviation.NO_ID, Content.PARALLEL_TOOLS),
    "args_object": (Deviation.ARGS_OBJECT, Content.TOOL_CALL),
    "finish_stop_with_tools": (Deviation.FINISH_STOP_WITH_TOOLS, Content.TOOL_CALL),
    "blocked": (Deviation.NO_CANDIDATES, Content.FILTERED),
}

NAMED: dict[str, Behaviour] = {
    **{fault.value: Behaviour(name=fault.value, fault=fault) for fault in Fault},
    "error_429": Behaviour(name="error_429", fault=Fault.RATE_PLAIN),
    **{name: Behaviour(name=name, content=content) for name, content in _CONTENTS.items()},
    **{name: Behaviour(name=name, way=way) for name, way in _WAYS.items()},
    **{
        name: Behaviour(name=name, content=content, deviations=frozenset({deviation}))
        for name, (deviation, content) in _DEVIATIONS.items()
    },
    "split_utf8": Behaviour(name="split_utf8", content=Content.WIDE_TEXT, way=Way.SPLIT_UTF8),
    "slow": Behaviour(name="slow", wait_s=DEFAULT_SLOW_S),
    "flaky": Behaviour(name="flaky", failures=1),
}

_SLOW = re.compile(r"slow_(\d+(?:\.\d+)?)")
_FLAKY = re.compile(r"flaky_(\d+)")
_LONG = re.compile(r"long_(\d+)")
_FRAMES = re.compile(r"frames_(\d+)_(\d+)")


@lru_cache(maxsize=1024)
def find_behaviour(name: str) -> Behaviour | None:
    """The behaviour called `name`, or None.

    Beside `NAMED`: `slow_S` (seconds), `flaky_N` (failures), `long_N` (content frames), `frames_N_MS` (N
    content frames, one every MS milliseconds).
    """
    if name in NAMED:
        return NAMED[name]
    if match := _SLOW.fullmatch(name):
        return Behaviour(name=name, wait_s=float(match[1]))
    if match := _FLAKY.fullmatch(name):
        return Behaviour(name=name, failures=int(match[1]))
    if match := _LONG.fullmatch(name):
        return Behaviour(name=name, content=Content.LONG, pieces=int(match[1]))
    if match := _FRAMES.fullmatch(name):
        interval_s = int(match[2]) / 1000
        return Behaviour(name=name, content=Content.LONG, pieces=int(match[1]), interval_s=interval_s)
    return None


def require_behaviour(name: str) -> Behaviour:
    """The behaviour called `name`. Raises UnknownBehaviourError."""
    behaviour = find_behaviour(name)
    if behaviour is None:
        raise UnknownBehaviourError(f"no behaviour is called {name!r}")
    return behaviour


def behaviour_of_model(model: str) -> Behaviour | None:
    """The behaviour that a model name asks for: `error_500`, `fake/error_500` or `llama@error_500`."""
    _, at, suffix = model.rpartition("@")
    if at:
        return find_behaviour(suffix)
    return find_behaviour(model.rpartition("/")[2])
