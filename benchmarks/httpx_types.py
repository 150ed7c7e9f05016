"""What httpx's Request and Response cost beside our own request type: `python -m benchmarks.httpx_types`."""

import timeit
from collections.abc import Callable

import httpx

from apps.providers.types import UpstreamRequest

URL = "https://upstream.test/v1/chat/completions"
BODY = b"x" * 600
HEADERS = {"authorization": "Bearer x", "content-type": "application/json", "accept-encoding": "identity"}
CALLS = 5_000
ROUNDS = 5


def microseconds(work: Callable[[], object]) -> float:
    """The best of some rounds, per call."""
    return min(timeit.repeat(work, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


if __name__ == "__main__":
    parsed = httpx.URL(URL)
    for name, work in {
        "httpx.Request": lambda: httpx.Request("POST", parsed, headers=HEADERS, content=BODY),
        "httpx.Response": lambda: httpx.Response(200, headers=HEADERS, content=BODY),
        "UpstreamRequest": lambda: UpstreamRequest(url=URL, headers=HEADERS, body=BODY),
    }.items():
        print(f"{name:16} {microseconds(work):6.2f} us")
