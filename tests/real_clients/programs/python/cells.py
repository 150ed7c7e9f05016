"""What the programs of Python clients have in common: where FreeAI is, what to ask, and how to tell what came of it.

A program runs in the environment of its client, which has nothing of FreeAI's. It prints one line of JSON for its version, and one for
each cell that it fills.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from random import Random
from typing import Any

import httpx

URL = os.environ["FREEAI_URL"]
KEY = os.environ["FREEAI_KEY"]
NAME = os.environ["FREEAI_CLIENT"]
PROVIDERS = os.environ["FREEAI_PROVIDERS"].split(",")
MOST_WORDS = 300
LONGEST_PIECE = 9

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ROME = '{"city": "Rome"}'
WEATHER, FORECAST = ("get_weather", "Weather of a city"), ("get_forecast", "Forecast for a city")
CALLS = [("get_weather", {"city": "Rome"}), ("get_forecast", {"city": "Oslo"})]
"""What `parallel_tools` calls where these two are declared, in this order."""
WRONG_KEY = "fai_" + "x" * 43

Named = Callable[[str], str]
Cell = Callable[[Named], None]


def in_pieces(http: Any = httpx) -> Any:
    """A transport for clients that take one of their user's: each answer comes in small pieces that end anywhere, within a line, a
    character or an escape. `http`: httpx, or what the client has in its place."""

    class Pieces(http.SyncByteStream):  # type: ignore[misc] - which of the two is known when it runs
        def __init__(self, whole: Any) -> None:
            self.whole = whole

        def __iter__(self) -> Iterator[bytes]:
            drawn = Random(1)
            for part in self.whole:
                at = 0
                while at < len(part):
                    length = drawn.randint(1, LONGEST_PIECE)
                    yield part[at : at + length]
                    at += length

        def close(self) -> None:
            self.whole.close()

    class Transport(http.HTTPTransport):  # type: ignore[misc] - the same
        def handle_request(self, request: Any) -> Any:
            answer = super().handle_request(request)
            answer.stream = Pieces(answer.stream)
            return answer

    return Transport()


def run(packages: Sequence[str], cells: dict[str, Cell]) -> None:
    """Fill the cells. Each gets what names a model: of a behaviour of the fakes, at one provider after the other."""
    _say({"version": ", ".join(version(package) for package in packages)})
    for name, cell in cells.items():
        told: dict[str, Any] = {"cell": name, "ok": True, "words": ""}
        for provider in PROVIDERS:
            try:
                cell(lambda behaviour, at=provider: f"{at}/{behaviour}")
            except Exception as error:  # noqa: BLE001 - whatever a client raises is what its cell says
                words = f"{provider}: {type(error).__name__}: {error}"
                told = {"cell": name, "ok": False, "words": words[:MOST_WORDS]}
                break
        _say(told)


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def flaky(model: Named) -> str:
    """A model that fails once, for this client alone."""
    return model(f"{NAME}@flaky_1")


@contextmanager
def raising(kind: type[Exception]) -> Iterator[list[Any]]:
    """Fails where nothing of the kind is raised. What was is in the list."""
    caught: list[Any] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
        return
    raise AssertionError(f"no {kind.__name__} was raised")
