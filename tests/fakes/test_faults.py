"""The fake upstream breaks where it is told to, remembers what it received, and runs as a process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fakes import FakeUpstream, Limits, UnknownBehaviourError
from tests.fakes.requests import KEYS, ask, send


@pytest.mark.parametrize("provider", ["groq", "gemini"])
@pytest.mark.parametrize("stream", [False, True])
async def test_connections_break_where_the_behaviour_says(fake, http, provider, stream):
    async def bytes_before_the_break(behaviour):
        url, body = ask(fake, provider, behaviour, stream=stream)
        received: list[bytes] = []
        with pytest.raises(aiohttp.ClientError):
            await read_into(received, http, url, body)
        return b"".join(received)

    assert await bytes_before_the_break("reset") == b""
    assert (await bytes_before_the_break("cut_before_content")).startswith(b"OK")
    assert b"river" not in await bytes_before_the_break("cut_before_content")
    assert b"river" in await bytes_before_the_break("cut")
    assert [entry.finished for entry in fake.journal] == ["complete"] * 4


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("behaviour", "has_headers", "has_content"),
    [("stall_headers", False, False), ("stall", True, False), ("stall_after_content", True, True)],
)
async def test_stalls_until_the_client_leaves(fake, http, behaviour, has_headers, has_content, stream):
    url, body = ask(fake, "groq", behaviour, stream=stream)
    received: list[bytes] = []

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await read_into(received, http, url, body)
    await wait_until(lambda: fake.open_requests == 0)

    assert (bool(received), b"river" in b"".join(received)) == (has_headers, has_content)
    assert fake.journal[-1].finished == "client_left"


async def read_into(received: list[bytes], http, url, body) -> None:
    """Appends the status line's reason when the headers are there, then whatever the body brings."""
    async with http.post(url, json=body) as response:
        received.append(response.reason.encode())
        async for chunk in response.content.iter_any():
            received.append(chunk)  # noqa: PERF401 (what came before a break must be kept)


async def wait_until(condition) -> None:
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110 (the fake has no event for the end of a request)
            await asyncio.sleep(0.005)


async def test_open_streams_are_counted_while_they_run(fake, http):
    url, body = ask(fake, "openai", "frames_100_50", stream=True)

    async with http.post(url, json=body) as response:
        await response.content.readline()
        assert (fake.open_requests, fake.open_connections) == (1, 1)
        assert fake.journal[0].finished is None
        response.close()

    await wait_until(lambda: fake.open_requests == 0)
    assert fake.journal[0].finished == "client_left"


async def test_paced_and_slow_answers_take_their_time(fake, http):
    began = time.monotonic()
    await send(http, fake, "openai", "frames_4_50", stream=True)
    paced = time.monotonic() - began
    await send(http, fake, "openai", "slow_0.2")
    slow = time.monotonic() - began - paced

    assert 0.2 <= paced < 1
    assert 0.2 <= slow < 1


async def test_behaviour_comes_from_header_then_script_then_model_then_default(fake, http):
    async def status(model, **headers):
        url, body = ask(fake, "groq", model)
        async with http.post(url, json=body, headers=headers) as response:
            return response.status

    fake.script("groq", ["error_503"])
    fake.default_behaviour = "error_402"

    assert await status("llama@error_500", **{"x-fake-behaviour": "error_529"}) == 529
    assert await status("llama@error_500") == 503
    assert await status("llama@error_500") == 500
    assert await status("fake/ok") == 200
    assert await status("llama") == 402
    assert await status("llama", **{"x-fake-behaviour": "nonsense"}) == 400
    assert [entry.behaviour for entry in fake.journal][:3] == ["error_529", "error_503", "error_500"]


async def test_flaky_fails_as_often_as_it_says_until_reset(fake, http):
    async def status():
        return (await send(http, fake, "mistral", "flaky_2"))[0].status

    assert [await status() for _ in range(4)] == [500, 500, 200, 200]
    fake.reset()
    assert fake.journal == []
    assert await status() == 500


async def test_scripts_leave_listings_alone_unless_named(fake, http):
    async def listing():
        async with http.get(fake.url("groq") + "/models") as response:
            return response.status

    fake.script("groq", ["error_500"])
    assert await listing() == 200
    fake.script("groq", ["error_503"], family="models")
    assert [await listing(), await listing()] == [503, 200]
    with pytest.raises(UnknownBehaviourError):
        fake.script("groq", ["nonsense"])


async def test_journal_keeps_what_was_received(fake, http):
    url, body = ask(fake, "groq", "ok")

    async with http.post(url, json=body, headers={"X-Trace": "1"}) as response:
        await response.read()

    (entry,) = fake.journal
    assert (entry.provider, entry.family, entry.status) == ("groq", "chat", 200)
    assert entry.path == "/groq/v1/chat/completions"
    assert entry.body == body
    assert entry.headers["x-trace"] == "1"
    assert entry.finished == "complete"
    assert entry.finished_at is not None
    assert entry.started_at <= entry.finished_at


async def test_a_quiet_fake_keeps_nothing(http):
    async with FakeUpstream(journal=False) as quiet:
        response, _ = await send(http, quiet, "openai", "ok")

        assert response.status == 200
        assert (quiet.journal, quiet.open_requests) == ([], 0)


async def test_groq_reports_what_is_left_in_go_durations(fake, http):
    fake.limit("groq", Limits(requests_per_day=86_400, tokens_per_minute=6_000))

    first, _ = await send(http, fake, "groq", "ok")
    second, _ = await send(http, fake, "groq", "ok", stream=True)
    failed, _ = await send(http, fake, "groq", "error_500")

    left = [int(r.headers["x-ratelimit-remaining-requests"]) for r in (first, second, failed)]
    assert left == [86_399, 86_398, 86_398]
    assert second.headers["x-ratelimit-reset-requests"] == "2s"
    assert int(second.headers["x-ratelimit-remaining-tokens"]) < int(
        first.headers["x-ratelimit-remaining-tokens"]
    )


async def test_other_providers_report_as_the_real_ones_do(fake, http):
    mistral, _ = await send(http, fake, "mistral", "ok")
    mistral_stream, _ = await send(http, fake, "mistral", "ok", stream=True)
    cerebras, _ = await send(http, fake, "cerebras", "ok")
    cerebras_full, _ = await send(http, fake, "cerebras", "error_429_minute")
    openrouter_full, _ = await send(http, fake, "openrouter", "error_429_day")
    gemini, _ = await send(http, fake, "gemini", "ok")

    assert mistral.headers["x-ratelimit-remaining-req-minute"] == "749"
    assert not [name for name in mistral_stream.headers if "ratelimit" in name.lower()]
    assert re.fullmatch(r"\d+\.\d\d", cerebras.headers["x-ratelimit-reset-tokens-minute"])
    assert cerebras_full.headers["retry-after"] == "57"
    assert not [name for name in cerebras_full.headers if "ratelimit" in name.lower()]
    reset_s = int(openrouter_full.headers["X-RateLimit-Reset"]) / 1000
    assert 0 < reset_s - time.time() <= 86_400
    assert reset_s % 86_400 == 0
    assert not [name for name in gemini.headers if "ratelimit" in name.lower()]


def test_command_serves_until_it_is_told_to_stop():
    root = Path(__file__).parents[2]
    command = [sys.executable, "manage.py", "fake_upstream", "--port", "0", "--strict", "mistral"]
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, text=True, env={**os.environ, "FREEAI_ENV": "development"}
    )
    assert process.stdout is not None
    try:
        origin = process.stdout.readline().split()[3]
        outcome = asyncio.run(talk_to(origin))
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=10)
        process.stdout.close()

    assert outcome == {"health": "ok", "strict": 422, "scripted": 503, "journal": 2, "reset": 0, "cut": True}
    assert code == 0


async def talk_to(origin: str) -> dict[str, Any]:
    bare = f"{origin}/v1/chat/completions"
    body = {"model": "ok", "messages": [{"role": "user", "content": "x"}]}
    async with aiohttp.ClientSession(headers=KEYS) as http:
        health = await (await http.get(f"{origin}/_health")).json()
        strict = await http.post(bare, json={**body, "user": "me"})
        await http.post(f"{origin}/_script", json={"provider": "mistral", "behaviours": ["error_503"]})
        scripted = await http.post(bare, json=body)
        journal = await (await http.get(f"{origin}/_journal")).json()
        await http.post(f"{origin}/_reset")
        emptied = await (await http.get(f"{origin}/_journal")).json()
        cut = await http.post(bare, json={**body, "model": "cut", "stream": True})
        try:
            await cut.read()
            was_cut = False
        except aiohttp.ClientPayloadError:
            was_cut = True
    return {
        "health": health["status"],
        "strict": strict.status,
        "scripted": scripted.status,
        "journal": len(journal),
        "reset": len(emptied),
        "cut": was_cut,
    }
