"""The fake upstream as a server: in a test's own event loop, or as a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from posixpath import normpath
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web

from .behaviours import UnknownBehaviourError, require_behaviour
from .exchange import MATCH, Exchange
from .faults import Fault
from .journal import JOURNAL_SIZE, Journal, Received
from .limits import Limits, Meter
from .lists import Lists
from .quotas import Quotas, Window
from .selection import ANY_FAMILY, Selection
from .upstreams import UPSTREAMS
from .upstreams.base import Upstream

LOOPBACK = "127.0.0.1"
_MAX_BODY_BYTES = 64 << 20
_SHUTDOWN_S = 0.1


class FakeUpstream:
    """Every provider of `UPSTREAMS`, behind one port: `async with FakeUpstream() as fake: fake.url("groq")`.

    Paths are `/{provider}{base path}/…`; the provider named by `bare` also answers without the prefix. `port`
    0 takes a free one. With `journal` False nothing is kept of the requests, for load tests.
    """

    def __init__(
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        bare: str = "openai",
        journal: bool = True,
    ) -> None:
        self._host = host
        self._port = port
        self._journal = Journal(JOURNAL_SIZE if journal else 0)
        self._selection = Selection()
        self.clock: Callable[[], float] = time.time
        self.lists = Lists()
        self._meters = {slug: Meter(limits=upstream.limits) for slug, upstream in UPSTREAMS.items()}
        self._bare = UPSTREAMS[bare]
        self._routers: dict[str, web.UrlDispatcher] = {}
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_S,
        )

    async def start(self) -> None:
        """Listen. Raises OSError if the address is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening and drop what is open."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def url(self, provider: str) -> str:
        """The base URL to configure for a provider, without a trailing slash."""
        return f"http://{self._host}:{self._port}/{provider}{UPSTREAMS[provider].base_path}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{self._host}:{self._port}"

    @property
    def journal(self) -> list[Received]:
        """The requests received, oldest first (the last 10,000)."""
        return self._journal.entries()

    @property
    def open_requests(self) -> int:
        """Requests and streams that have not ended yet."""
        return self._journal.open_requests

    @property
    def open_connections(self) -> int:
        """TCP connections that are open, idle ones included."""
        server = self._runner.server
        return len(server.connections) if server is not None else 0

    @property
    def default_behaviour(self) -> str:
        """The behaviour of a request that names none."""
        return self._selection.default_behaviour

    @default_behaviour.setter
    def default_behaviour(self, name: str) -> None:
        self._selection.default_behaviour = require_behaviour(name).name

    def script(self, provider: str, behaviours: Iterable[str], *, family: str = ANY_FAMILY) -> None:
        """Behaviours of the provider's next requests, whatever the model. Raises UnknownBehaviourError.

        Listings are left alone unless named: `script("groq", ["error_500"], family="models")`.
        """
        self._selection.script(UPSTREAMS[provider].slug, behaviours, family)

    def list_models(self, provider: str, entries: list[Any]) -> None:
        """Let the provider list these, in its own shape, from now on."""
        self.lists.entries[UPSTREAMS[provider].slug] = entries

    def limit(self, provider: str, limits: Limits) -> None:
        """Set the limits that the provider's headers report, and forget what was used of them."""
        self._meters[provider].limits = limits
        self._meters[provider].clear()

    def enforce(self, provider: str, *windows: Window) -> Quotas:
        """Refuse from now on what does not fit into these windows; without any, nothing. By `clock`, which a test may set."""
        quotas = Quotas(windows)
        self._meters[provider].quotas = quotas if windows else None
        return quotas

    def reset(self) -> None:
        """Forget the journal, scripts, lists, failure counts and used limits; open requests go on."""
        self._journal.clear()
        self.lists.reset()
        self._selection.reset()
        for meter in self._meters.values():
            meter.clear()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_get("/_health", self._health)
        app.router.add_get("/_journal", self._show_journal)
        app.router.add_post("/_reset", self._handle_reset)
        app.router.add_post("/_script", self._handle_script)
        app.router.add_route("*", "/{path:.*}", self._ask)
        return app

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        match = await self._router(request.path.split("/", 2)[1]).resolve(request)
        if match.http_exception is not None:
            raise match.http_exception
        request[MATCH] = match
        return await match.handler(request)

    def _router(self, first: str) -> web.UrlDispatcher:
        """The routes of the provider that a path's first part names, or of the bare one. Made when they are asked for: a test asks one or
        two of all the providers."""
        upstream, base = UPSTREAMS.get(first), f"/{first}"
        if upstream is None:
            upstream, base, first = self._bare, "", ""
        if first not in self._routers:
            self._routers[first] = self._routes(upstream, base + upstream.base_path)
        return self._routers[first]

    def _routes(self, upstream: Upstream, base: str) -> web.UrlDispatcher:
        router = web.UrlDispatcher()
        for family in upstream.families:
            exchange = Exchange(
                upstream,
                family,
                self._selection,
                self._meters[upstream.slug],
                self._journal,
                self.lists,
                lambda: self.clock(),
            )
            router.add_route(family.method, normpath(base + family.path), exchange.handle)

        async def not_found(request: web.Request) -> web.Response:
            body, headers = upstream.refusal(upstream.problem(Fault.NOT_FOUND), model=request.path, now=0.0)
            return web.Response(
                status=404, body=body, headers={**headers, "Content-Type": "application/json"}
            )

        router.add_route("*", base + "/{unknown:.*}", not_found)
        return router

    async def _health(self, request: web.Request) -> web.Response:
        return _json({"status": "ok", "open_requests": self.open_requests, "providers": sorted(UPSTREAMS)})

    async def _show_journal(self, request: web.Request) -> web.Response:
        return _json(self.journal)

    async def _handle_reset(self, request: web.Request) -> web.Response:
        self.reset()
        return _json({"status": "ok"})

    async def _handle_script(self, request: web.Request) -> web.Response:
        """Body: {"provider": slug, "behaviours": [name, …], "family"?: name}."""
        try:
            wanted = orjson.loads(await request.read())
            self.script(wanted["provider"], wanted["behaviours"], family=wanted.get("family", ANY_FAMILY))
        except (orjson.JSONDecodeError, KeyError, TypeError, UnknownBehaviourError) as exc:
            return _json({"error": str(exc)}, status=400)
        return _json({"status": "ok"})


def _json(document: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
