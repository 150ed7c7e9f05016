"""The sandbox provider: an upstream inside the process that speaks OpenAI's dialect, so that a first request
works without any key.

A model's name is its script: `ok`, `slow`, `flaky_2` (fails twice, then works), `error_429`, `stall`, `cut`,
… (see `SCRIPTS`). The same request gets the same answer. Nothing leaves the process.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Literal

import orjson
from msgspec import Struct

from apps.core.aside import aside
from apps.core.json_types import JSONObject
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sandbox_answers import (
    Answer,
    Asked,
    error_body,
    frames_of,
    plain_answer,
    read_asked,
    reasoned_answer,
    tool_answer,
    whole_of,
)
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts

BASE_URL = "sandbox://local/v1"
SLOW_S = 2.0
PACE_S = 0.01
FRAMES_BEFORE_TROUBLE = 4
OK, NOT_FOUND, SERVER_ERROR = 200, 404, 500
HEADERS = {429: {"retry-after": "20"}}
FLAKY = re.compile(r"flaky_([1-9]\d?)")

Trouble = Literal["", "stall", "cut"]


class Script(Struct, frozen=True, kw_only=True):
    """What a model does. `wait_s` passes before the first content; `trouble` comes before it, or after some
    (`late`)."""

    status: int = OK
    wait_s: float = 0.0
    trouble: Trouble = ""
    late: bool = False
    kind: Literal["text", "long", "tool", "tools", "reasoning", "empty", "filtered"] = "text"


SCRIPTS: dict[str, Script] = {
    "ok": Script(),
    "slow": Script(wait_s=SLOW_S),
    "flaky_2": Script(),
    **{f"error_{status}": Script(status=status) for status in (400, 401, 403, 404, 429, 500, 503)},
    "stall": Script(trouble="stall"),
    "stall_after_content": Script(trouble="stall", late=True),
    "cut": Script(trouble="cut", late=True),
    "empty": Script(kind="empty"),
    "filtered": Script(kind="filtered"),
    "tool_call": Script(kind="tool"),
    "parallel_tools": Script(kind="tools"),
    "reasoning": Script(kind="reasoning"),
    "long": Script(kind="long"),
}


class SandboxResponse:
    """An open answer (see `UpstreamResponse`). Its parts are frames, or one whole body."""

    def __init__(
        self, status: int, parts: list[bytes], timeouts: Timeouts, script: Script, pace_s: float
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = HEADERS.get(status, {})
        self._parts = parts
        self._timeouts = timeouts
        self._script = script
        self._pace_s = pace_s
        self._closed = False

    async def read(self, most: int) -> bytes:
        """The whole body. Raises UpstreamError(NETWORK) when the script stalls or cuts it."""
        if self._script.trouble == "cut":
            raise UpstreamError(ErrorKind.NETWORK, "the sandbox cut the connection, as asked")
        return b"".join([part async for part in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body by frames; a cut one just ends. Raises UpstreamError(NETWORK) when the script stalls."""
        await self._wait(self._script.wait_s)
        trouble_at = min(FRAMES_BEFORE_TROUBLE, len(self._parts) - 1) if self._script.late else 0
        for number, part in enumerate(self._parts):
            if self._script.trouble and number == trouble_at:
                if self._script.trouble == "cut":
                    return
                await self._wait(float("inf"))
            if self._closed:
                return
            yield part
            if self._pace_s:
                await asyncio.sleep(self._pace_s)

    async def read_beginning(self, limit: int) -> bytes:
        """The beginning of a body that is short."""
        return (await self.read(limit))[:limit]

    def close(self) -> None:
        self._closed = True

    def release(self) -> None:
        """There is no connection to give back."""

    async def _wait(self, seconds: float) -> None:
        """Let `seconds` pass, at most the read timeout, which raises as a socket's would."""
        if seconds <= 0:
            return
        await asyncio.sleep(min(seconds, self._timeouts.read_s))
        if seconds > self._timeouts.read_s:
            message = f"the sandbox sent nothing for {self._timeouts.read_s:g} s, as asked"
            raise UpstreamError(ErrorKind.NETWORK, message, timed_out=True)


class SandboxTransport:
    """Answers calls to `BASE_URL` (see `Transport`). `pace_s`: seconds between two streamed frames."""

    def __init__(self, pace_s: float = PACE_S) -> None:
        self._pace_s = pace_s
        self._failures: Counter[str] = Counter()

    def reset(self) -> None:
        """Let the flaky models fail from the beginning."""
        self._failures.clear()

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> SandboxResponse:
        """The answer to `request`, with its body ready to be read."""
        if request.method == "GET" and request.url.endswith("/models"):
            listed = [{"id": name, "object": "model", "owned_by": "freeai"} for name in SCRIPTS]
            return self._answer(OK, {"object": "list", "data": listed}, timeouts)
        asked = await aside(None, partial(read_asked, request.body), len(request.body))
        if not request.url.endswith("/chat/completions"):
            return self._answer(NOT_FOUND, error_body(NOT_FOUND, asked.model), timeouts)
        script = self._script_of(asked.model)
        if script.status != OK:
            return self._answer(script.status, error_body(script.status, asked.model), timeouts)
        answer = answer_of(script, asked)
        parts = frames_of(asked, answer) if asked.stream else [orjson.dumps(whole_of(asked, answer))]
        return SandboxResponse(OK, parts, timeouts, script, self._pace_s)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _script_of(self, model: str) -> Script:
        if flaky := FLAKY.fullmatch(model):
            self._failures[model] += 1
            return Script(status=OK if self._failures[model] > int(flaky[1]) else SERVER_ERROR)
        return SCRIPTS.get(model, Script(status=NOT_FOUND))

    def _answer(self, status: int, body: JSONObject, timeouts: Timeouts) -> SandboxResponse:
        return SandboxResponse(status, [orjson.dumps(body)], timeouts, Script(), 0.0)


def answer_of(script: Script, asked: Asked) -> Answer:
    """What the script says to this request."""
    match script.kind:
        case "tool" | "tools":
            return tool_answer(asked, 1 if script.kind == "tool" else 2)
        case "reasoning":
            return reasoned_answer(asked)
        case "empty":
            return Answer()
        case "filtered":
            return Answer(finish="content_filter")
        case _:
            return plain_answer(asked, long=script.kind == "long")
