"""What clients ask: classes of requests, their sizes, and when they come."""

import random
from collections.abc import Iterator
from typing import Any, Final

import orjson
from msgspec import Struct

from apps.providers.catalogue_files import ModelEntry
from benchmarks.pool.truth import Amounts
from benchmarks.pool.world import World

WORDS_PER_TOKEN: Final = 0.75
PIXEL: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BURST_EVERY_S: Final = 600.0
BURST_S: Final = 30.0
BURST_FACTOR: Final = 2.0


class Kind(Struct, frozen=True):
    """A class of requests: its share, what it needs, and the medians of its prompt and answer, in tokens."""

    name: str
    share: float
    needs: frozenset[str]
    prompt: int
    answer: int


KINDS: Final = (
    Kind("text", 0.70, frozenset(), 300, 250),
    Kind("long", 0.08, frozenset(), 9_000, 400),
    Kind("images", 0.08, frozenset({"vision"}), 900, 200),
    Kind("json", 0.14, frozenset({"json_schema"}), 500, 150),
)


class Request(Struct, frozen=True):
    """One request of a client key. `at` is seconds from the beginning; `prompt` and `answer` are tokens."""

    number: int
    at: float
    kind: Kind
    prompt: int
    answer: int
    client: int = 0

    @property
    def size(self) -> Amounts:
        """What it takes of an upstream's windows."""
        tokens = self.prompt + self.answer
        return {"requests": 1, "tokens": tokens, "input_tokens": self.prompt, "output_tokens": self.answer}

    @property
    def known(self) -> Amounts:
        """What of it an upstream knows when it has to admit it: nobody knows how long an answer becomes."""
        return {"requests": 1, "tokens": self.prompt, "input_tokens": self.prompt, "output_tokens": 1}

    def fits(self, model: ModelEntry) -> bool:
        """Whether the model can do what it needs, and holds it."""
        room = model.context_window or self.prompt
        return self.kind.needs <= set(model.capabilities) and self.prompt <= room

    def body(self) -> bytes:
        """As sent to /v1/chat/completions."""
        text = f"{self.number} " + "lorem " * max(1, round(self.prompt * WORDS_PER_TOKEN))
        content: Any = text
        if "vision" in self.kind.needs:
            content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": PIXEL}}]
        fields: dict[str, Any] = {"messages": [{"role": "user", "content": content}]}
        if "json_schema" in self.kind.needs:
            schema = {"name": "answer", "schema": {"type": "object", "properties": {"x": {"type": "string"}}}}
            fields["response_format"] = {"type": "json_schema", "json_schema": schema}
        return orjson.dumps(fields)


def requests(world: World, per_s: float) -> Iterator[Request]:
    """Poisson arrivals with a burst of twice the rate every ten minutes, in order of time."""
    chance = world.random
    end = world.scenario.minutes * 60.0
    at, number = 0.0, 0
    weights = [kind.share for kind in KINDS]
    clients = random.Random(f"{world.seed} clients")
    parts = world.scenario.clients
    while True:
        is_burst = at % BURST_EVERY_S < BURST_S
        at += chance.expovariate(per_s * (BURST_FACTOR if is_burst else 1.0))
        if at >= end:
            return
        kind = chance.choices(KINDS, weights)[0]
        number += 1
        client = clients.choices(range(len(parts)), parts)[0]
        yield Request(number, at, kind, _size(chance, kind.prompt), _size(chance, kind.answer), client)


def _size(chance: random.Random, median: int) -> int:
    return max(1, round(median * chance.lognormvariate(0.0, 0.5)))
