"""Bodies of the Django side: refused before anything of them is stored."""

import orjson
import pytest

from apps.core.site_bodies import bounded

LIMIT = 10_000


class Asked:
    """One request to a bounded application that reads all of it."""

    def __init__(self, *parts: bytes, declared: bytes | None = None) -> None:
        self.parts = list(parts)
        self.taken = 0
        self.sent: list[dict] = []
        self.headers = [] if declared is None else [(b"content-length", declared)]

    async def receive(self) -> dict:
        self.taken += 1
        part = self.parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message) -> None:
        self.sent.append(dict(message))

    async def answer(self) -> int:
        async def application(scope, receive, send) -> None:
            while (await receive()).get("more_body"):
                pass
            await send({"type": "http.response.start", "status": 200, "headers": []})

        await bounded(application)({"type": "http", "headers": self.headers}, self.receive, self.send)
        return self.sent[0]["status"]


@pytest.fixture(autouse=True)
def _limit(settings) -> None:
    settings.FREEAI_MAX_SITE_BODY_BYTES = LIMIT


async def test_what_is_declared_too_large_is_not_read():
    asked = Asked(b"a", declared=b"10001")

    assert await asked.answer() == 413
    assert asked.taken == 0
    assert orjson.loads(asked.sent[1]["body"]) == {"detail": "The request body is larger than 10000 bytes."}


@pytest.mark.parametrize("declared", [None, b"5", b"no number", b"-1"])
async def test_what_comes_is_counted(declared):
    asked = Asked(*[b"a" * 4_000] * 100, declared=declared)

    assert await asked.answer() == 413
    assert asked.taken == 3


async def test_the_largest_passes():
    assert await Asked(b"a" * 4_000, b"a" * 6_000, declared=b"10000").answer() == 200
