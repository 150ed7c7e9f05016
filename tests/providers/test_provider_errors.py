"""What the adapter makes of every fault of every faked provider that speaks OpenAI's dialect."""

from __future__ import annotations

import aiohttp
import pytest

from apps.providers.adapters import wire_for
from apps.providers.adapters.chat import codec_for
from apps.providers.catalogue_files import read_catalogue
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.presets import parse_preset
from apps.providers.types import Secret
from fakes import UPSTREAMS, FakeUpstream
from fakes.faults import Fault
from tests.factories import make_offer, make_request
from tests.providers.azure_wire import AZURE

PRESETS = {entry.name: parse_preset(entry.wire) for entry in read_catalogue()} | {"github": AZURE}
DIALECT = sorted(name for name in UPSTREAMS if name in PRESETS and PRESETS[name].wire == "openai")
KEYED = sorted(set(DIALECT) - {"ollama", "lmstudio"})
LIMITED = ErrorKind.RATE_LIMITED


async def fail(
    provider: str, fault: Fault | str, *, key: str = "test-key-0123456789", **body: object
) -> UpstreamError:
    """The adapter's reading of the provider's answer to a request that meets the fault."""
    async with FakeUpstream() as fake, aiohttp.ClientSession() as http:
        offer = make_offer(
            provider=provider,
            model=f"some-model@{fault}",
            preset=PRESETS[provider],
            base_url=fake.url(provider),
            api_key=Secret(key),
        )
        request = make_request(body={"messages": [{"role": "user", "content": "Hi"}]} | body)
        built = codec_for(offer).build(request, offer)
        async with http.post(built.url, data=built.body, headers=built.headers) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return wire_for(offer).parse_error(response.status, headers, await response.read(), offer)


@pytest.mark.parametrize("provider", KEYED)
async def test_a_refused_key_is_auth(provider):
    assert (await fail(provider, "ok", key="bad-key-0123456789")).kind is ErrorKind.AUTH


@pytest.mark.parametrize("provider", DIALECT)
async def test_an_unknown_model_is_gone(provider):
    assert (await fail(provider, Fault.NOT_FOUND)).kind is ErrorKind.MODEL_GONE


@pytest.mark.parametrize("provider", DIALECT)
async def test_too_long_a_prompt_is_about_the_context(provider):
    assert (await fail(provider, Fault.CONTEXT_LENGTH)).kind is ErrorKind.CONTEXT_LENGTH


@pytest.mark.parametrize("provider", DIALECT)
@pytest.mark.parametrize(
    "fault", [Fault.INTERNAL, Fault.BAD_GATEWAY, Fault.UNAVAILABLE, Fault.GATEWAY_TIMEOUT]
)
async def test_a_failing_provider_counts_for_its_breaker(provider, fault):
    assert (await fail(provider, fault)).kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize("provider", DIALECT)
async def test_an_empty_purse_closes_the_account(provider):
    """Cloudflare sells nothing to free accounts: what they get is spent, until tomorrow."""
    error = await fail(provider, Fault.PAYMENT)

    wanted = LIMITED if provider == "cloudflare" else ErrorKind.PAYMENT_REQUIRED
    assert (error.kind, error.scope) == (wanted, "account")


@pytest.mark.parametrize("provider", [*DIALECT, "gemini"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.PLAN, ErrorKind.NOT_IN_PLAN),
        (Fault.GONE, ErrorKind.MODEL_GONE),
    ],
)
async def test_states_are_told_apart_on_every_wire(provider, fault, kind):
    assert (await fail(provider, fault)).kind is kind


@pytest.mark.parametrize("provider", DIALECT)
@pytest.mark.parametrize(
    "fault", [Fault.RATE_MINUTE, Fault.RATE_TOKENS, Fault.RATE_DAY, Fault.RATE_PLAIN, Fault.RATE_QUEUE]
)
async def test_every_limit_is_a_limit(provider, fault):
    assert (await fail(provider, fault)).kind is LIMITED


@pytest.mark.parametrize(
    ("provider", "fault", "window", "scope", "wait_s"),
    [
        ("github", Fault.RATE_MINUTE, "minute", "model", 55.0),
        ("github", Fault.RATE_DAY, "day", "model", 84_893.0),
        ("github", Fault.RATE_QUEUE, None, "model", 0.0),
        ("nvidia", Fault.RATE_MINUTE, None, "account", None),
        ("cloudflare", Fault.RATE_MINUTE, "minute", "model", None),
        ("cloudflare", Fault.RATE_DAY, "day", "account", None),
        ("cloudflare", Fault.RATE_QUEUE, None, "model", None),
        ("sambanova", Fault.RATE_MINUTE, None, "account", None),
        ("sambanova", Fault.RATE_DAY, "day", "account", None),
        ("together", Fault.RATE_MINUTE, "minute", "model", 9.0),
        ("zai", Fault.RATE_MINUTE, "minute", "model", None),
        ("zai", Fault.RATE_DAY, "day", "model", None),
        ("zai", Fault.RATE_QUEUE, None, "account", None),
        ("zai", Fault.OVERLOADED, None, "model", None),
        ("ollama_cloud", Fault.RATE_MINUTE, "hour", "account", None),
        ("ollama_cloud", Fault.RATE_DAY, "month", "account", None),
        ("ollama_cloud", Fault.RATE_QUEUE, None, "model", None),
        ("mistral", Fault.RATE_MINUTE, "minute", "account", None),
        ("mistral", Fault.RATE_DAY, "month", "account", None),
    ],
)  # fmt: skip
async def test_tells_window_scope_and_wait(provider, fault, window, scope, wait_s):
    error = await fail(provider, fault)

    assert (error.kind, error.window, error.scope, error.retry_after_s) == (LIMITED, window, scope, wait_s)


@pytest.mark.parametrize(
    ("provider", "fault", "kind"),
    [
        ("github", Fault.FORBIDDEN, ErrorKind.MODEL_GONE),
        ("cloudflare", Fault.FORBIDDEN, ErrorKind.REFUSED),
        ("cloudflare", Fault.BAD_REQUEST, ErrorKind.REFUSED),
        ("zai", Fault.FORBIDDEN, ErrorKind.REFUSED),
        ("ollama_cloud", Fault.FORBIDDEN, ErrorKind.NOT_IN_PLAN),
        ("ollama", Fault.UNPROCESSABLE, ErrorKind.REFUSED),
        ("vllm", Fault.UNSUPPORTED_PARAM, ErrorKind.REFUSED),
        ("llamacpp", Fault.UNSUPPORTED_PARAM, ErrorKind.REFUSED),
    ],
)
async def test_what_one_model_or_server_cannot_do_leaves_the_key_alone(provider, fault, kind):
    assert (await fail(provider, fault)).kind is kind


async def test_a_json_object_that_lm_studio_refuses_goes_to_another_candidate():
    error = await fail("lmstudio", "ok", response_format={"type": "json_object"})

    assert (error.kind, error.status) == (ErrorKind.REFUSED, 400)
