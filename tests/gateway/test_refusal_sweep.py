"""Every status an upstream may answer with, on every wire, with every kind of body: what it is, who is asked next, what it closes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, Literal

import orjson
import pytest
from msgspec import structs

from apps.core import clock
from apps.core.state.contract import Subject
from apps.core.state.keys import credential_key
from apps.providers.adapters import WIRES
from apps.providers.errors import POLICY, ErrorKind
from apps.providers.health import blocks_after
from apps.providers.types import Preset, Task
from apps.providers.wires import EmbeddingWire, TranscriptionWire
from tests.asgi import Answer
from tests.factories import make_offer
from tests.gateway.audio import transcribe
from tests.gateway.conftest import SHIPPED, USER, Gateway
from tests.gateway.upstream_pages import Pages, pages

CHAT_WIRES: Final[tuple[Literal["openai", "gemini", "cohere"], ...]] = ("openai", "gemini", "cohere")
EMBEDDING_WIRES: Final[tuple[Literal["openai", "gemini", "cohere", "huggingface"], ...]] = (
    *CHAT_WIRES,
    "huggingface",
)
TRANSCRIPTION_WIRES: Final[
    tuple[Literal["openai", "gemini", "mistral", "cloudflare", "huggingface"], ...]
] = (
    "openai",
    "gemini",
    "mistral",
    "cloudflare",
    "huggingface",
)
# 204, 205 and 304 have no body by HTTP's own rules.
STATUSES = [
    *(200, 201, 202, 203, 206),
    *(300, 301, 302, 303, 304, 305, 307, 308),
    *range(400, 419),
    *(421, 422, 423, 424, 425, 426, 428, 429, 431, 444, 449, 450, 451, 460, 463, 498, 499),
    *(500, 501, 502, 503, 504, 505, 507, 508, 509, 510, 511, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 540, 598, 599),
]  # fmt: skip
# One or more of each row of the table, and those that were the client's fault once.
FEWER = [200, 201, 302, 307, 308, 400, 401, 402, 403, 404, 408, 409, 410, 413, 418, 423, 429, 451, 498, 499, 500, 501, 529]  # fmt: skip
SECOND = {
    "chat": ("mistral", "ok"),
    "embedding": ("mistral", "mistral-embed"),
    "transcription": ("groq", "ok"),
}
WORDS = "It cannot be done."
HTML = b"<!DOCTYPE html><html><head><title>Something</title></head><body>our model of you</body></html>"
CHALLENGE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Enable JavaScript</body></html>"
)
SHAPES: dict[str, Callable[[int], Any]] = {
    "openai": lambda status: {"error": {"message": WORDS, "type": "error", "param": None, "code": None}},
    "gemini": lambda status: {"error": {"code": status, "message": WORDS, "status": ""}},
    "cohere": lambda status: {"id": "1", "message": WORDS},
    "mistral": lambda status: {"object": "error", "message": WORDS, "type": "error", "code": None},
    "cloudflare": lambda status: {"success": False, "errors": [{"code": 1, "message": WORDS}]},
    "huggingface": lambda status: {"error": WORDS},
    **dict.fromkeys(("nvidia", "policy", "guard"), lambda status: {"error": {"message": WORDS}}),
}
# What a provider documents of a status of its own.
DOCUMENTED = {
    ("cohere", 498): "content_filtered",
    ("cohere", 499): "server_error",
    ("cohere", 501): "refused",
    ("gemini", 499): "server_error",
    ("gemini", 498): "refused",
}
BY_STATUS = {
    401: "auth",
    402: "payment_required",
    404: "model_gone",
    408: "server_error",
    410: "model_gone",
    429: "rate_limited",
    498: "server_error",
}


def expected(wire: str, status: int) -> str:
    """The table of error kinds, for a refusal of which nothing but the status is known."""
    if status >= 500:
        return DOCUMENTED.get((wire, status), "server_error")
    return DOCUMENTED.get((wire, status)) or BY_STATUS.get(status, "refused")


def bodies(wire: str, status: int) -> dict[str, tuple[bytes, dict[str, Any]]]:
    said = orjson.dumps(SHAPES[wire](status))
    return {
        "json": (said, {}),
        "html": (HTML, {"kind": "text/html"}),
        "empty": (b"", {}),
        "truncated": (said[: len(said) // 2], {"cut": True}),
        "cut before its first byte": (b"", {"cut": True}),
    }


CLOSES = {
    "auth": "quarantine",
    "payment_required": "payment_required",
    "model_gone": "model_gone",
    "rate_limited": "rate_limited",
}
COUNTS = {"server_error", "network", "parsing", "empty_response"}


@pytest.mark.parametrize("wire", WIRES)
def test_every_refusal_has_the_kind_of_the_table_on_every_wire(wire: str):
    offer = make_offer(model="some-model")
    for status in (status for status in STATUSES if status >= 300):
        for name, (body, _) in bodies(wire, status).items():
            error = WIRES[wire].parse_error(status, {}, body, offer)

            kind = expected(wire, status)
            assert (error.kind, error.status) == (kind, status), (status, name)
            assert error.falls_back, (status, name)
            assert (POLICY[error.kind].health == "failure") is (kind in COUNTS), (status, name)
            reasons = [block.reason for block in blocks_after(error, offer, 0.0)]
            assert reasons == ([CLOSES[kind]] if kind in CLOSES else []), (status, name)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("status", [401, 403, 400, 422, 451])
def test_a_challenge_page_proves_nothing_of_the_key(wire: str, status: int):
    offer = make_offer()

    assert WIRES[wire].parse_error(status, {}, CHALLENGE, offer).kind is ErrorKind.REFUSED


@pytest.fixture
async def upstream() -> AsyncIterator[Pages]:
    async with pages() as made:
        yield made


async def chat(gateway: Gateway) -> Answer:
    return await gateway.client.chat()


async def streamed(gateway: Gateway) -> Answer:
    return await gateway.client.chat(stream=True)


async def embed(gateway: Gateway) -> Answer:
    return await gateway.client.request("POST", "/v1/embeddings", orjson.dumps({"input": "hello"}))


async def hear(gateway: Gateway) -> Answer:
    return await transcribe(gateway.client)


Ask = Callable[[Gateway], Awaitable[Answer]]


def family(codec: str) -> Literal["openai", "gemini", "cohere"]:
    """The provider's own wire where a task's is `codec`."""
    return next((wire for wire in CHAT_WIRES if wire == codec), CHAT_WIRES[0])


def task_presets() -> Iterator[tuple[Preset, Task, Ask]]:
    """Every wire of every task. How refusals are read is the provider's own wire, whatever the task's is."""
    for wire in CHAT_WIRES:
        yield Preset(wire=wire), "chat", chat
        yield Preset(wire=wire), "chat", streamed
    for codec in EMBEDDING_WIRES:
        own = family(codec)
        yield (
            Preset(wire=own, order={"embedding": 1}, embeddings=EmbeddingWire(wire=codec)),
            "embedding",
            embed,
        )
    for spoken in TRANSCRIPTION_WIRES:
        own = family(spoken)
        heard = TranscriptionWire(wire=spoken)
        yield Preset(wire=own, order={"transcription": 1}, transcription=heard), "transcription", hear


@pytest.mark.parametrize(("preset", "task", "ask"), list(task_presets()))
async def test_every_answer_that_is_none_goes_to_the_next_and_closes_what_the_table_says(
    gateway: Gateway, upstream: Pages, preset: Preset, task: Task, ask: Ask
):
    """With a breaker that opens at once: what counts for it shows."""
    gateway.configure(circuit_breaker_threshold=1)
    wire = preset.wire
    gateway.add("broken", "m", preset=preset, base_url=upstream.url, task=task, family="mistral")
    second, model = SECOND[task]
    gateway.add(second, model, task=task, preset=structs.replace(SHIPPED[second], limit_headers=()))
    account = credential_key(USER, "broken")
    for status in FEWER:
        for name, (body, changes) in bodies(wire, status).items():
            upstream.answer(status, body, **changes)

            answer = await ask(gateway)

            assert answer.status == 200, (status, name, answer.body)
            first = gateway.events()[-2]
            seen = (await gateway.runtime.store.view([Subject(account, f"{account}|m")], clock.now()))[0]
            await gateway.runtime.store.reset(account, clock.now())
            kind = first.error_kind
            wanted = expected(wire, status) if status >= 300 else ok_kinds(name)
            assert kind in wanted if isinstance(wanted, set) else kind == wanted, (status, name)
            assert (first.provider, first.upstream_status) == ("broken", status), (status, name)
            assert seen.reason == ("breaker" if kind in COUNTS else CLOSES.get(kind)), (status, name)


def ok_kinds(name: str) -> set[str]:
    """What a 2xx without an answer is. Nothing at all is no answer's shape, or no answer: both count."""
    return {
        "json": {"server_error"},
        "html": {"parsing"},
        "empty": {"parsing", "empty_response", "network"},
    }.get(name, {"network"})
