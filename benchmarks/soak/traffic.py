"""What clients do: each act is one request from its beginning to its end, or to where its client leaves."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import aiohttp
import orjson

from benchmarks import wire

Json = dict[str, Any]
Act = Callable[["Client"], Awaitable[str]]

REFUSED: Final = frozenset({400, 401, 402, 403, 404, 408, 413, 422, 429})
UNSERVED: Final = frozenset({502, 503, 504, 529})
"""What upstreams that fail make of a request, in Anthropic's numbers too; a 500 is a fault of ours."""
PAUSE_S: Final = (0.0, 0.2)
SLOW_READS, SLOW_S, SLOW_BYTES = 40, 0.25, 512


class Client:
    """One who asks one thing after the other. `seen` is shared with all others: how often each act had which end."""

    def __init__(
        self, url: str, key: str, session: aiohttp.ClientSession, seen: Counter[str], seed: int
    ) -> None:
        self.random = random.Random(seed)
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._session = session
        self._seen = seen

    async def live(self, over: asyncio.Event) -> None:
        """Until `over`."""
        acts, weights = zip(*ACTS.items(), strict=True)
        while not over.is_set():
            [act] = self.random.choices(acts, weights)
            try:
                end = await act(self)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                end = f"failed: {type(error).__name__}"
            self._seen[f"{act.__name__} {end}"] += 1
            await asyncio.sleep(self.random.uniform(*PAUSE_S))

    def ask(self, path: str, body: Json | bytes, **headers: str) -> Any:
        """The answer, to be entered."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        own = {"Content-Type": "application/json"} | self._headers | headers
        return self._session.post(f"{self._url}/v1/{path}", data=data, headers=own)

    async def whole(self, path: str, body: Json | bytes, **headers: str) -> str:
        """Ask, and read the answer; its end."""
        async with self.ask(path, body, **headers) as answer:
            await answer.read()
            return judged(answer.status)

    def words(self) -> str:
        """A prompt that nobody has sent before."""
        return f"Tell me about {self.random.randbytes(self.random.choice((8, 40, 400))).hex()}"


def judged(status: int) -> str:
    """One word for a status."""
    if status in REFUSED:
        return "refused"
    return "ok" if status == 200 else "unserved" if status in UNSERVED else f"failed: {status}"


def messages(client: Client) -> list[Json]:
    return [{"role": "user", "content": client.words()}]


async def chat(client: Client) -> str:
    return await client.whole("chat/completions", {"model": "freeai-auto", "messages": messages(client)})


async def stream(client: Client) -> str:
    return await client.whole(
        "chat/completions", {"model": "freeai-fast", "messages": messages(client), "stream": True}
    )


async def embeddings(client: Client) -> str:
    return await client.whole("embeddings", {"model": wire.EMBEDDING_MODEL, "input": [client.words(), "b"]})


async def anthropic(client: Client) -> str:
    body = {"model": "freeai-auto", "max_tokens": 64, "messages": messages(client)}
    return await client.whole("messages", body | {"stream": client.random.random() < 0.5})


async def responses(client: Client) -> str:
    """Not to be kept: an hour of kept answers, up to 64 MiB, is memory that is meant to grow."""
    body = {
        "model": "freeai-auto",
        "input": client.words(),
        "stream": client.random.random() < 0.5,
        "store": False,
    }
    return await client.whole("responses", body)


async def mistake(client: Client) -> str:
    """What is refused before any attempt."""
    path, body, headers = client.random.choice(MISTAKES)
    end = await client.whole(path, body, **headers)
    return "refused" if end == "refused" else f"failed: not refused but {end}"


async def leave(client: Client) -> str:
    """In the midst of a stream."""
    body = {"model": "freeai-auto", "messages": messages(client), "stream": True}
    async with client.ask("chat/completions", body) as answer:
        await answer.content.read(1)
        end = judged(answer.status)
        answer.close()
    return end


async def hang_up(client: Client) -> str:
    """Before there is any answer."""
    asked = asyncio.ensure_future(chat(client))
    await asyncio.sleep(client.random.uniform(0.0, 0.03))
    asked.cancel()
    await asyncio.wait([asked])
    return "left" if asked.cancelled() else asked.result()


async def read_slowly(client: Client) -> str:
    """A little now and then, and not to the end."""
    body = {"model": "sandbox/long", "messages": messages(client), "stream": True}
    async with client.ask("chat/completions", body) as answer:
        for _ in range(SLOW_READS):
            if not await answer.content.read(SLOW_BYTES):
                break
            await asyncio.sleep(SLOW_S)
        answer.close()
    return judged(answer.status)


MISTAKES: Final[Sequence[tuple[str, Json | bytes, dict[str, str]]]] = (
    ("chat/completions", b"{", {}),
    ("chat/completions", {"model": "freeai-auto"}, {}),
    ("chat/completions", {"model": "nobody/knows", "messages": [{"role": "user", "content": "a"}]}, {}),
    ("chat/completions", {"model": "freeai-auto", "messages": []}, {"Authorization": "Bearer fai_wrong"}),
    ("embeddings", {"model": "freeai-auto", "input": 7}, {}),
    ("messages", {"model": "freeai-auto", "messages": [{"role": "user", "content": "a"}]}, {}),
    ("responses", {"model": "freeai-auto", "input": {}}, {}),
    ("nowhere", {}, {}),
)
ACTS: Final[dict[Act, int]] = {
    chat: 30,
    stream: 25,
    embeddings: 8,
    anthropic: 10,
    responses: 10,
    mistake: 8,
    leave: 5,
    hang_up: 3,
    read_slowly: 1,
}
