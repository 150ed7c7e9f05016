"""The gateway itself in the simulation: its planning, its attempt loop, its state store and ledger, with only the wire replaced.

Import it in a process of its own: it sets Django up, with a data directory that is thrown away.
"""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import django
import orjson
from cryptography.fernet import Fernet
from msgspec.structs import replace

DATA: Final = tempfile.TemporaryDirectory(prefix="freeai-pool-")
os.environ.update(
    FREEAI_DATA_DIR=DATA.name,
    FREEAI_SECRET_KEY=secrets.token_hex(32),
    FREEAI_MASTER_KEYS=Fernet.generate_key().decode(),
    FREEAI_LOG_LEVEL="ERROR",
    DJANGO_SETTINGS_MODULE="freeai.settings",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # there is nobody whom a query would keep waiting
)
(Path(DATA.name) / "spool").mkdir()
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402

from apps.clients.keys import Principal  # noqa: E402
from apps.core import clock, ids, snapshot  # noqa: E402
from apps.core.state.choice import open_store  # noqa: E402
from apps.core.state.contract import StateStore  # noqa: E402
from apps.gateway import runtime  # noqa: E402
from apps.gateway.answering.operation import ChatWhole  # noqa: E402
from apps.gateway.attempts import dispatch  # noqa: E402
from apps.gateway.attempts.calls import RequestIds  # noqa: E402
from apps.gateway.attempts.planning import plan_chat  # noqa: E402
from apps.gateway.config import CONFIG  # noqa: E402
from apps.gateway.endpoints.chat.wire.request import parse  # noqa: E402
from apps.gateway.runtime import Runtime  # noqa: E402
from apps.gateway.wire.errors import ApiError  # noqa: E402
from apps.providers.catalogue_sync import sync  # noqa: E402
from apps.providers.credentials import set_key  # noqa: E402
from apps.providers.evidence import EVIDENCE  # noqa: E402
from apps.providers.models import Provider  # noqa: E402
from apps.providers.types import UpstreamRequest  # noqa: E402
from apps.providers.upstream import Timeouts  # noqa: E402
from apps.strategies.library import install_builtins  # noqa: E402
from benchmarks.pool.demand import Request  # noqa: E402
from benchmarks.pool.fleet import LateViews  # noqa: E402
from benchmarks.pool.network import NAMING, TELLING, Network, Outcome  # noqa: E402
from benchmarks.pool.truth import Metric  # noqa: E402

FOLLOW_EVERY_S: Final = 1.0
EVIDENCE_EVERY_S: Final = 2.0
REPORTED: Final[tuple[tuple[Metric, int], ...]] = (("requests", 86_400), ("tokens", 60))
"""What an answer tells of, where it tells anything."""


@asynccontextmanager
async def serving(network: Network, gateways: int = 1) -> AsyncIterator["Gateway"]:
    """A gateway, or several processes of one, with the declared providers, a key for each, and one user."""
    call_command("migrate", verbosity=0)
    install_builtins()
    sync(network.world.declared)
    user = get_user_model().objects.create_superuser("simulation")
    for provider in Provider.objects.all():
        set_key(user, provider, f"key-of-{provider.name}-0123456789")
    snapshot.load_all()
    wire = Wire(network)
    fleet = _fleet(wire, gateways)
    runtime.install(fleet[0])
    following = asyncio.create_task(_follow(fleet))
    try:
        yield Gateway(fleet, wire, user.pk)
    finally:
        following.cancel()
        for made in fleet:
            made.spool.close()
        runtime.install(None)


def _fleet(wire: "Wire", gateways: int) -> list[Runtime]:
    """So many on one store; one alone sees it as it is."""
    if gateways == 1:
        return [Runtime(transport=wire)]
    store = open_store(settings.FREEAI_SPOOL_DIR, settings.FREEAI_STATE)
    return [Runtime(store=cast(StateStore, LateViews(store)), transport=wire) for _ in range(gateways)]


async def _follow(fleet: list[Runtime]) -> None:
    """What the loops of the gateways do, without their threads: real time has no place here."""
    while True:
        await asyncio.sleep(FOLLOW_EVERY_S)
        now = clock.now()
        if now % EVIDENCE_EVERY_S < FOLLOW_EVERY_S and EVIDENCE.due(now):
            EVIDENCE.flush(now)
        snapshot.poll()
        told = [made.fairness.told(now) for made in fleet]
        for place, made in enumerate(fleet):
            made.fairness.hear(raw for other, raw in enumerate(told) if raw and other != place)
            await made.follow_keys()


class Gateway:
    """The policy that is measured."""

    def __init__(self, fleet: list[Runtime], wire: "Wire", user_id: int) -> None:
        self._fleet = fleet
        self._wire = wire
        self._principal = Principal(
            client_id=1,
            user_id=user_id,
            username="simulation",
            is_admin=True,
            name="simulation",
            rpm_limit=0,
            allowed_models=frozenset(),
            allowed_strategies=frozenset(),
            windows=(),
        )

    async def serve(self, request: Request) -> bool:
        """As the chat endpoint does."""
        self._wire.under_way[request.number] = request
        try:
            own = ids.uuid7()
            chat, wait_s = parse(request.body()), CONFIG.value.max_wait_s
            principal = replace(self._principal, client_id=1 + request.client)
            call = plan_chat(RequestIds(own, own), principal, chat, wait_s)
            made = self._fleet[request.number % len(self._fleet)]
            await dispatch.run(made, call, ChatWhole(call.demand, made.images))
        except ApiError:
            return False
        finally:
            del self._wire.under_way[request.number]
        return True


class Wire:
    """A `Transport` whose far end is the simulated network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.under_way: dict[int, Request] = {}

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> "Answer":
        """Raises what `Transport.open` raises: nothing, here everybody answers."""
        provider = (urlsplit(request.url).hostname or "").partition(".")[0]
        sent = orjson.loads(request.body)
        asked = self.under_way[_number(sent["messages"][0]["content"])]
        outcome = await self._network.call(provider, sent["model"], asked)
        headers = self._headers(provider, sent["model"]) | self._date(provider)
        if outcome.status == 200:
            return Answer(200, headers, _answer(sent["model"], asked))
        return Answer(
            outcome.status, headers | _told(provider, outcome), _refusal(provider, sent["model"], outcome)
        )

    async def aclose(self) -> None:
        """Nothing is open."""

    def _date(self, provider: str) -> dict[str, str]:
        """What time it is there: every answer tells."""
        upstream = self._network.world.upstreams[provider]
        return {"date": formatdate(self._network.time.now() + upstream.skew_s, usegmt=True)}

    def _headers(self, provider: str, model: str) -> dict[str, str]:
        """Of whom tells on every answer what is left."""
        upstream = self._network.world.upstreams[provider]
        if provider != "groq" or model not in upstream.models:
            return {}
        now = self._network.time.now() + upstream.skew_s
        headers = {}
        for metric, length_s in REPORTED:
            if left := upstream.quotas.left(model, metric, length_s, now):
                remaining, limit = left
                headers[f"x-ratelimit-limit-{metric}"] = str(int(limit))
                headers[f"x-ratelimit-remaining-{metric}"] = str(int(remaining))
                headers[f"x-ratelimit-reset-{metric}"] = f"{(limit - remaining) / limit * length_s:.3f}s"
        return headers


class Answer:
    """An `UpstreamResponse` that is here as a whole."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def read(self, _most: int) -> bytes:
        """The body."""
        return self._body

    async def read_beginning(self, limit: int) -> bytes:
        """The body's first bytes."""
        return self._body[:limit]

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, at once."""
        yield self._body

    def close(self) -> None:
        """Nothing is open."""

    def release(self) -> None:
        """Nothing is open."""


def _number(content: object) -> int:
    text = content if isinstance(content, str) else content[0]["text"]  # type: ignore[index]
    return int(text.partition(" ")[0])


def _answer(model: str, request: Request) -> bytes:
    message = {"role": "assistant", "content": "x " * 20}
    usage = {
        "prompt_tokens": request.prompt,
        "completion_tokens": request.answer,
        "total_tokens": request.prompt + request.answer,
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
    )


def _told(provider: str, outcome: Outcome) -> dict[str, str]:
    return {"retry-after": f"{outcome.wait_s:.0f}"} if outcome.full and provider in TELLING else {}


def _refusal(provider: str, model: str, outcome: Outcome) -> bytes:
    if outcome.full is None:
        message = f"The model `{model}` does not exist or you do not have access to it."
        return orjson.dumps({"error": {"message": message, "code": "model_not_found"}})
    message = "Too many requests"
    if provider in NAMING:
        limit = int(outcome.full.limit)
        message = (
            f"Rate limit reached for model `{model}` on {outcome.full.window.name}: Limit {limit}, Used {limit}, "
            f"Requested 1. Please try again in {outcome.wait_s:.2f}s."
        )
    return orjson.dumps({"error": {"message": message, "code": "rate_limit_exceeded"}})
