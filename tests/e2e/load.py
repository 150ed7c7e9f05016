"""Clients that ask one request behind the other, and what became of each."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.e2e import plain
from tests.e2e.server import Server

CLIENTS = 3
PAUSE_S = 0.01
BODY = {"model": "freeai-auto", "messages": [{"role": "user", "content": "Hi"}]}


class Load:
    """`outcomes`: how many answers of each status, and how many requests without one, by the error's name."""

    def __init__(self) -> None:
        self.outcomes: Counter[int | str] = Counter()
        self.wrong: list[str] = []
        self.url = ""
        self._ended = threading.Event()
        self._goes_on = threading.Event()
        self._asking = threading.Semaphore(CLIENTS)
        self._key = ""

    @contextmanager
    def on(self, gateway: Server) -> Iterator["Load"]:
        """Ask it meanwhile; what is under way at the end is waited for."""
        self.url, self._key = gateway.url, gateway.client_key
        self._goes_on.set()
        threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._goes_on.set()
            for thread in threads:
                thread.join(30)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nobody asks meanwhile, as where a balancer waits for a restart; what is under way is answered first."""
        self._goes_on.clear()
        for _ in range(CLIENTS):
            assert self._asking.acquire(timeout=30)
        try:
            yield
        finally:
            self._asking.release(CLIENTS)
            self._goes_on.set()

    def more(self, count: int = 30) -> None:
        """Wait until so many further requests were answered. Raises AssertionError."""
        until, deadline = self.outcomes[200] + count, time.monotonic() + 30
        while self.outcomes[200] < until:
            assert time.monotonic() < deadline and not self._ended.is_set(), (self.outcomes, self.wrong[:3])
            time.sleep(0.02)

    def _ask(self) -> None:
        while not self._ended.wait(PAUSE_S):
            self._goes_on.wait()
            with (
                self._asking,
                plain.Client(timeout=30, headers={"Authorization": f"Bearer {self._key}"}) as http,
            ):
                self._ask_on(http)

    def _ask_on(self, http: httpx.Client) -> None:
        """Over one connection, until there is a pause."""
        while self._goes_on.is_set() and not self._ended.wait(PAUSE_S):
            try:
                response = http.post(f"{self.url}/v1/chat/completions", json=BODY)
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1
                continue
            self.outcomes[response.status_code] += 1
            if response.status_code != 200:
                self.wrong.append(response.text[:500])
