"""Keys, prompts and answers, under every behaviour of an upstream and in every field: none turns up where it does not belong."""

from collections.abc import Iterator

import httpx
import pytest

from fakes import NAMED, FakeUpstream
from tests.e2e import plain, server
from tests.e2e.canaries import (
    ADMIN_TOKEN,
    ANSWER,
    ENVIRONMENT,
    OF_THE_GATEWAY,
    PROMPT,
    PROVIDER_KEY,
    canary,
    everything_kept,
    everything_shown,
    found,
    text_of,
)
from tests.e2e.parrot import HALF, parrot
from tests.e2e.server import Server
from tests.gateway.audio import SAMPLES

pytestmark = pytest.mark.slow

SLOW = {"stall", "stall_headers", "stall_after_content", "slow", "big_event"}
STATUSES = (200, 302, 400, 401, 403, 404, 413, 422, 429, 500, 503, "stream")
OF_EVERY_WIRE = (200, 400, 401, 429, 500, "stream")
WIRES = {
    "groq": "openai/gpt-oss-120b",
    "gemini": "gemini-3.5-flash-lite",
    "mistral": "mistral-small-latest",
    "cohere": None,
}
HALVES = (PROVIDER_KEY[:HALF], PROVIDER_KEY[-HALF:])
SENT = canary("header")
QUERY = canary("query")
FILE_NAME = canary("file-name")
ANYWHERE = {
    "User-Agent": SENT,
    "Cookie": f"session={SENT}; freeai_access={SENT}",
    "X-Forwarded-For": SENT,
    "X-Other": SENT,
    "Referer": f"https://x.test/?key={QUERY}",
}
"""Headers that clients of other services send along."""


@pytest.fixture(scope="module")
def parrots() -> Iterator[str]:
    with parrot() as origin:
        yield origin


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway that logs everything it can, with a canary for the key of each wire."""
    running = server.start(
        tmp_path_factory.mktemp("canaries"), "--no-tasks", from_nothing=True, **ENVIRONMENT
    )
    for name in WIRES:
        fresh_key(running, name, "http://127.0.0.1:1")
    yield running
    running.stop()


def api(gateway: Server, method: str, path: str, **options) -> httpx.Response:
    return plain.request(
        method, f"{gateway.url}/api/{path}", headers={"X-Admin-Token": ADMIN_TOKEN}, timeout=30, **options
    )


def fresh_key(gateway: Server, name: str, base_url: str = "") -> None:
    """Point the provider at `base_url`. The key is stored anew, which forgives it what the upstream said of it."""
    units = dict.fromkeys(("second", "minute", "hour", "day", "month"), 0)
    if base_url:
        assert api(gateway, "PATCH", f"providers/{name}", json={"base_url": base_url}).status_code == 200
    own = {"api_key": PROVIDER_KEY, "limits": {"requests": units, "tokens": units}}
    assert api(gateway, "PATCH", f"me/providers/{name}", json=own).status_code == 200


@pytest.fixture
def key(planted: Server) -> str:
    """A client key."""
    issued: str = api(planted, "POST", "clients", json={"name": "canary"}).json()["api_key"]
    return issued


def ask(gateway: Server, key: str, path: str = "chat/completions", **options) -> httpx.Response:
    """Ask `/v1`, with what does not belong there in query and headers."""
    return plain.post(
        f"{gateway.url}/v1/{path}?key={QUERY}",
        headers={**ANYWHERE, "Authorization": f"Bearer {key}", "X-FreeAI-Explain": "true"},
        timeout=30,
        **options,
    )


def chat(gateway: Server, key: str, provider: str, *, stream: bool) -> str:
    """What a client is told of a chat completion that is pinned to the provider's default model."""
    model = WIRES[provider] or api(gateway, "GET", f"providers/{provider}").json()["default_model"]
    body = {
        "model": f"{provider}/{model}",
        "stream": stream,
        "messages": [{"role": "user", "content": PROMPT}],
    }
    return text_of(ask(gateway, key, json=body))


def search(gateway: Server, answers: list[str], *secrets: str) -> None:
    """`secrets` are nowhere, and what was asked and answered is nowhere but in the answers."""
    nowhere = (*OF_THE_GATEWAY, PROVIDER_KEY, SENT, QUERY, *secrets)
    assert found(answers, nowhere) == []
    assert found(everything_shown(gateway), (*nowhere, PROMPT, ANSWER, FILE_NAME)) == []
    assert found(everything_kept(gateway), (*nowhere, PROMPT, ANSWER, FILE_NAME)) == []


def test_under_every_behaviour(planted: Server, upstream: FakeUpstream, key: str):
    fresh_key(planted, "groq", upstream.url("groq"))
    answers = []
    for behaviour in sorted(set(NAMED) - SLOW):
        for stream in (False, True):
            fresh_key(planted, "groq")
            upstream.default_behaviour = behaviour
            answers.append(chat(planted, key, "groq", stream=stream))

    search(planted, answers, key)


@pytest.mark.parametrize("provider", WIRES)
def test_where_the_upstream_repeats_what_it_got(planted: Server, parrots: str, key: str, provider: str):
    answers = []
    for how in STATUSES if provider == "groq" else OF_EVERY_WIRE:
        for stream in (False, True):
            fresh_key(planted, provider, f"{parrots}/{how}")
            answers.append(chat(planted, key, provider, stream=stream))
        answers.append(text_of(api(planted, "POST", f"me/providers/{provider}/test", json={})))
        answers.append(text_of(api(planted, "POST", f"me/providers/{provider}/sync", json={})))

    assert any(PROMPT in answer for answer in answers), "the canary sings: the search itself works"
    search(planted, answers, key, *HALVES)


def test_what_is_asked_and_answered(planted: Server, parrots: str, key: str):
    """In every place of a request that holds words of people."""
    fresh_key(planted, "groq", f"{parrots}/answer")
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": f'{{"city": "{PROMPT}"}}'},
    }
    tool = {"name": "weather", "description": PROMPT, "parameters": {"type": "object", "description": PROMPT}}
    messages = [
        {"role": "system", "content": PROMPT},
        {"role": "user", "content": [{"type": "text", "text": PROMPT}], "name": PROMPT},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": PROMPT},
    ]
    image = {"type": "image_url", "image_url": {"url": f"http://127.0.0.1:1/{PROMPT}.png?key={QUERY}"}}
    rest = {"user": PROMPT, "metadata": {"note": PROMPT}, "stop": [PROMPT], "unknown_field": PROMPT}
    tools = [{"type": "function", "function": tool}]
    bodies: list[dict] = [
        {"messages": messages, "tools": tools, **rest},
        {"messages": [{"role": "user", "content": [image]}]},
        {"messages": PROMPT},
        {"messages": [{"role": "user", "content": PROMPT}], "temperature": PROMPT},
        {"messages": [{"role": PROMPT, "content": PROMPT}]},
        {"messages": messages, "tools": [{"type": PROMPT}]},
    ]
    answers = [ask(planted, key, json=body | {"model": f"groq/{WIRES['groq']}"}) for body in bodies]
    answers += [ask(planted, key, content=f'{{"messages": [{PROMPT}'.encode())]
    answers += [
        ask(
            planted, key, "embeddings", json={"input": [PROMPT], "user": PROMPT, "preferred_provider": "groq"}
        )
    ]
    form = {"prompt": PROMPT, "other": PROMPT, "preferred_provider": "groq", "temperature": "0"}
    sound = (f"{FILE_NAME}.wav", SAMPLES["wav"] + PROMPT.encode(), "audio/wav")
    answers += [ask(planted, key, "audio/transcriptions", data=form, files={"file": sound})]
    answers += [
        ask(planted, key, "audio/transcriptions", data=form | {"temperature": PROMPT}, files={"file": sound})
    ]

    assert ANSWER in answers[0].text and ANSWER in answers[-2].text, "it was answered"
    search(planted, [text_of(answer) for answer in answers], key)


def test_what_is_asked_answered_and_kept_as_a_response(planted: Server, parrots: str, key: str):
    """Of all that is kept for an hour nothing is on a disk, in a log, a metric or a page."""
    fresh_key(planted, "groq", f"{parrots}/answer")
    said = [{"type": "input_text", "text": PROMPT}]
    items = [
        {"role": "user", "content": said},
        {"type": "reasoning", "id": PROMPT, "summary": [], "encrypted_content": PROMPT},
        {"type": "custom_tool_call", "call_id": "call_1", "name": "weather", "input": PROMPT},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": said},
    ]
    tools = [{"type": "custom", "name": "weather", "description": PROMPT}, {"type": PROMPT}]
    whole = {
        "input": items,
        "tools": tools,
        "instructions": PROMPT,
        "metadata": {"note": PROMPT},
        "user": PROMPT,
    }
    pinned = {"model": f"groq/{WIRES['groq']}"}
    answers = [ask(planted, key, "responses", json=pinned | whole)]
    kept = answers[0].json()["id"]
    bodies: list[dict] = [
        {"input": PROMPT, "previous_response_id": kept},
        {"input": PROMPT, "previous_response_id": PROMPT},
        {"input": [{"type": "item_reference", "id": PROMPT}]},
        {"input": [{"type": PROMPT}]},
        {"input": [{"role": PROMPT, "content": PROMPT}]},
        {"input": PROMPT, "tool_choice": {"type": PROMPT}},
        {"input": PROMPT, "store": PROMPT},
    ]
    answers += [ask(planted, key, "responses", json=pinned | body) for body in bodies]
    headers = {"Authorization": f"Bearer {key}"}
    for path in (kept, f"{kept}/input_items", PROMPT):
        answers.append(plain.get(f"{planted.url}/v1/responses/{path}", headers=headers, timeout=30))

    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert ANSWER in answers[1].text and PROMPT in answers[-2].text, "it was answered, and is kept"
    search(planted, [text_of(answer) for answer in answers], key)


def test_what_is_sent_to_the_wrong_place(planted: Server, key: str):
    """A key where a name belongs, and everything in the query and the headers."""
    answers = []
    with plain.Client(base_url=planted.url, timeout=30, headers=ANYWHERE) as http:
        answers += [http.get("/v1/models", headers={name: SENT}) for name in ("X-Api-Key", "X-Goog-Api-Key")]
        for path in (
            "/v1/models",
            "/v1/nothing",
            "/api/clients",
            "/api/nothing",
            "/admin/",
            "/nothing",
            "/metrics",
            "/static/x.css",
        ):
            answers.append(http.get(f"{path}?key={QUERY}&api_key={PROVIDER_KEY}"))
            answers += [
                http.get(path, headers={"Authorization": sent, "X-Admin-Token": SENT})
                for sent in (f"Bearer {SENT}", f"Basic {SENT}", SENT)
            ]
        # Who takes a key for the name of a key learns that there is none; the log does not learn the key.
        lost = [
            http.delete(f"/api/clients/{key}", headers={"X-Admin-Token": ADMIN_TOKEN}),
            http.get(f"/api/providers/{key}", headers={"X-Admin-Token": ADMIN_TOKEN}),
            http.get(f"/admin/{key}/"),
            http.get(f"/nothing/{key}"),
            http.get(f"/v1/models/{key}"),
            http.get(f"/v1/{key}"),
        ]

    assert {answer.status_code for answer in lost} <= {302, 404}
    search(
        planted, [text_of(answer) for answer in answers if answer.status_code != 302]
    )  # to sign in, and back to there
    assert found(everything_kept(planted), (key,)) == []
    assert found(everything_shown(planted), (key,)) == []
