"""One request through the fake: read, check as the provider would, choose a behaviour, play the reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from .answers import Asked
from .behaviours import Behaviour, UnknownBehaviourError
from .families.base import Call, Family
from .faults import Fault, Problem, Refused
from .journal import Journal, Received
from .limits import Meter
from .lists import Lists
from .replies import Ending, Reply, compose, plain_reply
from .selection import Selection
from .upstreams.base import Upstream

MATCH = web.RequestKey("match", web.UrlMappingMatchInfo)
"""What a path holds, by the route of its provider."""
_BAD_KEY = "bad"


class Exchange:
    """Answers the requests of one endpoint of one upstream."""

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        upstream: Upstream,
        family: Family,
        selection: Selection,
        meter: Meter,
        journal: Journal,
        lists: Lists,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._upstream = upstream
        self._family = family
        self._selection = selection
        self._meter = meter
        self._journal = journal
        self._lists = lists
        self._clock = clock

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The aiohttp handler. Cancelled by the server when the caller leaves, which the journal records."""
        raw = await request.read()
        match = request[MATCH]
        call = Call(
            match=match,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            raw=raw,
            body=_parse(raw),
            listed=self._lists.entries.get(self._upstream.slug),
            page_most=self._lists.page_most,
        )
        received = self._receive(request, call)
        self._journal.open(received)
        self._meter.in_flight += self._family.generates
        left = True
        try:
            reply, headers = self._decide(call, received)
            response = await _play(request, reply, headers)
            left = False
            return response
        finally:
            self._meter.in_flight -= self._family.generates
            self._journal.close(received, "client_left" if left else "complete", now=time.time())

    def _receive(self, request: web.Request, call: Call) -> Received:
        return Received(
            provider=self._upstream.slug,
            family=self._family.name,
            method=request.method,
            path=request.path,
            query=dict(call.query),
            headers=dict(call.headers),
            body=call.body,
            started_at=time.time(),
        )

    def _decide(self, call: Call, received: Received) -> tuple[Reply, dict[str, str]]:
        """The reply and its extra headers; notes behaviour and status in the journal's entry."""
        asked: Asked | None = None
        try:
            self._authenticate(call)
            self._admit()
            asked = self._family.read(call)
            self._upstream.check(asked)
            behaviour = self._choose(asked, call)
            received.behaviour = behaviour.name
            if behaviour.fault is not None:
                raise Refused(self._upstream.problem(behaviour.fault))
            reply, headers = self._answer(behaviour, self._remembering(asked, call))
        except Refused as refused:
            reply, headers = self._refuse(refused.problem, asked, call)
        received.status = reply.status
        return reply, headers

    def _remembering(self, asked: Asked, call: Call) -> Asked:
        """With what of the prompt is known from before, where the provider keeps any."""
        if not (self._family.generates and self._upstream.caches_prompts):
            return asked
        key = self._upstream.key_of(call) or ""
        return replace(
            asked, cached_tokens=self._meter.prompts.cached_tokens(asked.model, key, asked.body or call.body)
        )

    def _choose(self, asked: Asked, call: Call) -> Behaviour:
        try:
            return self._selection.choose(
                self._upstream.slug, asked, call.headers, generates=self._family.generates
            )
        except UnknownBehaviourError as exc:
            raise Refused(Problem(status=400, message=str(exc))) from exc

    def _refuse(self, problem: Problem, asked: Asked | None, call: Call) -> tuple[Reply, dict[str, str]]:
        """`asked` is None if the request could not be read."""
        now = self._clock()
        model = asked.model if asked else call.match.get("model", "")
        body, headers = self._upstream.refusal(problem, model=model, now=now)
        if asked and self._upstream.reports_on_errors:
            headers = {**self._upstream.headers(self._meter, asked, now), **headers}
        return plain_reply(problem.status, body), headers

    def _answer(self, behaviour: Behaviour, asked: Asked) -> tuple[Reply, dict[str, str]]:
        # Without the body: what is cached must not keep the images of old requests alive.
        reply = compose(self._upstream, self._family, behaviour, replace(asked, body=None))
        if not self._family.generates:
            return reply, {}
        now = self._clock()
        if self._meter.quotas is not None:
            most = asked.prompt_tokens + asked.cap if self._upstream.charges_caps else 0
            full = self._meter.quotas.take(asked.model, reply.tokens, now, up_to=most)
            if full is not None:
                raise Refused(self._upstream.problem(full))
        self._meter.count(reply.tokens, now=now)
        return reply, self._upstream.headers(self._meter, asked, now)

    def _admit(self) -> None:
        """Raises Refused where another request is one too many."""
        most = self._upstream.max_concurrent
        if self._family.generates and most is not None and self._meter.in_flight > most:
            raise Refused(self._upstream.problem(Fault.RATE_QUEUE))

    def _authenticate(self, call: Call) -> None:
        """Any key passes unless it contains "bad". Raises Refused with the provider's own error."""
        if self._family.public:
            return
        key = self._upstream.key_of(call)
        if key is None or _BAD_KEY in key:
            raise Refused(self._upstream.problem(Fault.AUTH))


def _parse(raw: bytes) -> Any:
    """Parsed JSON, or the text of anything else."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


async def _play(request: web.Request, reply: Reply, headers: dict[str, str]) -> web.StreamResponse:
    if reply.instead is not None:
        return await _end(request, reply.instead, web.Response())
    if reply.wait_s:
        await asyncio.sleep(reply.wait_s)
    headers = {**headers, "Content-Type": reply.content_type}
    first = reply.steps[0]
    if len(reply.steps) == 1 and isinstance(first, bytes) and reply.length == len(first):
        return web.Response(status=reply.status, headers=headers, body=first)
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = reply.length
    await response.prepare(request)
    return await _play_steps(request, reply, response)


async def _play_steps(request: web.Request, reply: Reply, response: web.StreamResponse) -> web.StreamResponse:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for step in reply.steps:
        if isinstance(step, bytes):
            await response.write(step)
        elif isinstance(step, Ending):
            return await _end(request, step, response)
        else:
            # Counted from the start and not from the last write, so that a paced stream does not drift.
            await asyncio.sleep(max(0.0, began + step - loop.time()))
    await response.write_eof()
    return response


async def _end(request: web.Request, ending: Ending, response: web.StreamResponse) -> web.StreamResponse:
    if ending is Ending.STALL:
        await asyncio.Event().wait()
    if request.transport is not None:
        request.transport.close()
    return response
