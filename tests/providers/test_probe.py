"""Testing a key with one cheap call, against the fake providers."""

import socket

import pytest

from apps.providers.catalogue_files import read_catalogue
from apps.providers.errors import ErrorKind
from apps.providers.presets import parse_preset
from apps.providers.probe import probe, probe_request
from apps.providers.types import Preset, Secret
from apps.providers.wires import Probe
from tests.factories import API_KEY, make_offer
from tests.providers.probed import Page, SlowHead, failure, running

KEY = "gsk_test_canary_0123456789abcdef"
BAD_KEY = "gsk_bad_canary_0123456789abcdef"
CATALOGUE = {entry.name: entry for entry in read_catalogue()}


def offer_for(fake, name, key=KEY, **probe_fields):
    """The offer of a catalogue's provider, with its real preset, at the fake."""
    preset = parse_preset(CATALOGUE[name].wire)
    if probe_fields:
        preset = Preset(wire=preset.wire, probe=Probe(**probe_fields))
    model = CATALOGUE[name].default_model
    return make_offer(provider=name, model=model, preset=preset, base_url=fake.url(name), api_key=Secret(key))


@pytest.mark.parametrize(
    ("name", "path", "models"),
    [
        ("groq", "/groq/v1/models", True),
        ("mistral", "/mistral/v1/models", True),
        ("cerebras", "/cerebras/v1/models", True),
        ("gemini", "/gemini/v1beta/models", False),  # a page of one
        ("openrouter", "/openrouter/v1/key", False),
    ],
)
def test_a_good_key_is_told_by_one_call_that_costs_nothing(fake, name, path, models):
    outcome = probe(offer_for(fake, name))

    (received,) = fake.journal
    assert (outcome.ok, outcome.error) == (True, None)
    assert (received.method, received.path) == ("GET", path)
    assert bool(outcome.models_seen) is models
    assert outcome.latency_ms >= 0


@pytest.mark.parametrize("name", ["groq", "mistral", "cerebras", "gemini", "openrouter"])
def test_a_bad_key_is_an_auth_error_that_does_not_repeat_it(fake, name):
    outcome = probe(offer_for(fake, name, key=BAD_KEY))

    assert failure(outcome).kind == ErrorKind.AUTH
    assert failure(outcome).message.startswith("The provider refused the key: ")
    assert BAD_KEY not in failure(outcome).message


@pytest.mark.parametrize(("key", "ok"), [(KEY, True), (BAD_KEY, False)])
def test_hugging_faces_list_is_public_so_who_am_i_is_asked(fake, key, ok):
    outcome = probe(offer_for(fake, "huggingface", key, url="whoami-v2"))

    assert (outcome.ok, outcome.models_seen) == (ok, None)


@pytest.mark.parametrize(("key", "ok"), [(KEY, True), (BAD_KEY, False)])
@pytest.mark.parametrize("name", ["groq", "gemini"])
def test_a_chat_of_one_token_where_nothing_else_tells(fake, name, key, ok):
    outcome = probe(offer_for(fake, name, key, kind="chat"))

    (received,) = fake.journal
    assert (outcome.ok, outcome.models_seen, received.method) == (ok, None, "POST")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("groq", "https://api.groq.com/openai/v1/models"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1"),
        ("openrouter", "https://openrouter.ai/api/v1/key"),
        ("huggingface", "https://huggingface.co/api/whoami-v2"),
        ("cohere", "https://api.cohere.com/v1/models?page_size=1000"),
    ],
)
def test_the_catalogue_names_the_call(name, url):
    entry = CATALOGUE[name]

    request = probe_request(make_offer(base_url=entry.base_url, preset=parse_preset(entry.wire)))

    assert request.url == url
    assert API_KEY in " ".join(request.headers.values())
    assert API_KEY not in request.url


def test_a_server_without_keys_is_asked_without_one(fake):
    request = probe_request(make_offer(api_key=Secret("")))

    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("error_500", ErrorKind.SERVER_ERROR),
        ("error_503", ErrorKind.SERVER_ERROR),
        ("error_404", ErrorKind.MODEL_GONE),
        ("error_429", ErrorKind.RATE_LIMITED),
    ],
)
def test_other_failures_keep_their_kind(fake, behaviour, kind):
    fake.script("groq", [behaviour], family="models")

    assert failure(probe(offer_for(fake, "groq"))).kind == kind


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (Page(b"<html>Welcome</html>"), ErrorKind.PARSING),
        (Page(b""), ErrorKind.PARSING),
        (Page(b"not gzip", **{"Content-Encoding": "gzip"}), ErrorKind.PARSING),
        (Page(b'{"error": {"message": "out of order"}}'), ErrorKind.SERVER_ERROR),
        (Page(b"", status=302, Location="http://127.0.0.1:1/"), ErrorKind.REFUSED),
        (Page(b"[1]" * 200, delay_s=0.01), ErrorKind.NETWORK),
        (SlowHead(0.05), ErrorKind.NETWORK),
    ],
)
def test_answers_that_are_no_providers(page, kind):
    with running(lambda: page) as url:
        outcome = probe(make_offer(base_url=url, preset=Preset(probe=Probe(timeout_s=0.5))))

    assert failure(outcome).kind == kind


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'{"data": [{"id": "a"}, {"id": "b"}]}', 2),
        (b'{"models": [{"name": "a"}], "nextPageToken": "x"}', None),
        (b'[{"id": "a"}]', 1),
        (b'{"data": {"label": "x"}}', None),
        (b'"fine"', None),
    ],
)
def test_counts_models_where_the_list_is_whole(body, seen):
    with running(lambda: Page(body)) as url:
        outcome = probe(make_offer(base_url=url))

    assert (outcome.ok, outcome.models_seen) == (True, seen)


def test_a_key_that_the_provider_repeats_is_not_passed_on():
    secret = "unusual-canary-of-no-known-shape"

    with running(lambda: Page(b'{"error": {"message": "no: ' + secret.encode() + b'"}}', status=401)) as url:
        outcome = probe(make_offer(base_url=url, api_key=Secret(secret)))

    assert failure(outcome).kind == ErrorKind.AUTH
    assert secret not in failure(outcome).message


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:{port}/v1", "http://[", "nonsense", "http://a\x00b/"])
def test_an_unreachable_provider_is_a_network_error_without_an_address(base_url):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        outcome = probe(make_offer(base_url=base_url.replace("{port}", str(closed.getsockname()[1]))))

    assert failure(outcome).kind == ErrorKind.NETWORK
    assert "127.0.0.1" not in failure(outcome).message


def test_the_sandbox_is_well():
    assert probe(make_offer(provider="sandbox", base_url="sandbox://local/v1")).ok


@pytest.mark.parametrize("name", ["sambanova", "together", "ollama_cloud"])
def test_a_list_that_answers_everybody_is_followed_by_a_chat_of_one_token(fake, name):
    outcome = probe(offer_for(fake, name))

    assert (outcome.ok, bool(outcome.models_seen)) == (True, True)
    assert [received.method for received in fake.journal] == ["GET", "POST"]
    assert fake.journal[1].body["max_tokens"] == 1


@pytest.mark.parametrize("name", ["sambanova", "together"])
def test_a_good_key_without_balance_is_a_state_of_its_own(fake, name):
    fake.default_behaviour = "error_402"

    outcome = probe(offer_for(fake, name))

    assert failure(outcome).kind is ErrorKind.PAYMENT_REQUIRED
    assert failure(outcome).message.startswith("The key is accepted, but the account has no balance")
    assert outcome.models_seen


@pytest.mark.parametrize("name", ["sambanova", "together"])
def test_a_bad_key_costs_no_chat(fake, name):
    assert failure(probe(offer_for(fake, name, key=BAD_KEY))).kind is ErrorKind.AUTH
    assert len(fake.journal) == 1
