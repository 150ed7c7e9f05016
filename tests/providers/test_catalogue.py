"""The shipped catalogue, and what is said about one that cannot be used."""

import pytest

from apps.providers.catalogue_files import CatalogueError, ModelEntry, read_catalogue
from apps.providers.limits import parse_limits
from apps.providers.offers import SCRIPT_TAG
from apps.providers.presets import parse_preset

CATALOGUE = {entry.name: entry for entry in read_catalogue()}
GOOD = """
name = "acme"
display_name = "Acme"
base_url = "https://acme.test/v1"
default_model = "one"

[[models]]
name = "one"
"""


def models(provider):
    return {model.name: model for model in CATALOGUE[provider].models}


def refusal(tmp_path, text, name="acme.toml"):
    (tmp_path / name).write_text(text)
    with pytest.raises(CatalogueError) as error:
        read_catalogue(tmp_path)
    return str(error.value)


LOCAL = {"ollama", "lmstudio", "vllm", "llamacpp"}


def test_ships_every_provider():
    assert set(CATALOGUE) >= {
        "groq", "mistral", "gemini", "cerebras", "openrouter", "cohere", "huggingface", "sandbox", "github",
        "nvidia", "cloudflare", "sambanova", "together", "zai", "ollama_cloud", *LOCAL,
    }  # fmt: skip


def test_servers_of_ones_own_need_no_key_and_bring_no_enabled_model():
    for name in LOCAL:
        entry = CATALOGUE[name]

        assert (entry.requires_key, entry.default_model) == (False, "")
        assert not [model for model in entry.models if model.enabled]


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_only_models_with_tools_can_be_made_to_use_them(entry):
    preset = parse_preset(entry.wire)

    for model in entry.models:
        assert "tools" in model.capabilities or "forced_tools" not in model.capabilities
        assert not preset.for_model(model.name).incapable & set(model.capabilities), model.name


def windows_of(provider, model):
    """{"requests/minute": (limit, kind)} of the windows that the provider declares for each of its models, as they hold for this one."""
    found: dict[str, tuple[int, str]] = {}
    for limit in parse_limits(CATALOGUE[provider].limits):
        if limit.each and limit.matches(model):
            found.setdefault(str(limit.span), (limit.limit, limit.kind))
    return found


def test_groq_limits_each_model_and_no_account():
    groq = CATALOGUE["groq"]

    assert all(limit.each for limit in parse_limits(groq.limits))
    for name in ("openai/gpt-oss-120b", "qwen/not-known-yet"):
        assert windows_of("groq", name) == {
            "requests/minute": (30, "bucket"),
            "requests/day": (1_000, "bucket"),
            "tokens/minute": (8_000, "bucket"),
            "tokens/day": (200_000, "rolling"),
        }
    whisper = windows_of("groq", "whisper-large-v3")
    assert (whisper["requests/minute"], whisper["audio_seconds/hour"]) == (
        (20, "rolling"),
        (7_200, "rolling"),
    )


@pytest.mark.parametrize(
    ("model", "requests"),
    [
        ("gemini-3.5-flash-lite", {"requests/minute": (15, "rolling"), "requests/day": (500, "fixed")}),
        ("gemini-3.8-flash", {"requests/minute": (5, "rolling"), "requests/day": (20, "fixed")}),
        ("gemma-4-31b-it", {"requests/minute": (15, "rolling"), "requests/day": (1_500, "fixed")}),
        ("gemini-embedding-2", {"requests/minute": (100, "rolling"), "requests/day": (1_000, "fixed")}),
    ],
)
def test_gemini_counts_each_model_and_of_tokens_those_of_the_prompt(model, requests):
    windows = windows_of("gemini", model)

    assert windows.items() >= requests.items()
    assert set(windows) <= {*requests, "input_tokens/minute"}


@pytest.mark.parametrize(
    ("provider", "windows"),
    [
        ("mistral", {"money/month": 10_000_000}),
        ("cohere", {"requests/month": 1_000}),
        ("cloudflare", {"neurons/day": 10_000}),
        ("nvidia", {"requests/minute": 40, "requests/day": 10_000}),
        ("vercel", {"money/30day": 5_000_000}),
        ("jina", {"tokens/once": 10_000_000, "requests/minute": 100, "tokens/minute": 100_000}),
        ("groq", {}),
        ("gemini", {}),
        ("openrouter", {}),
        ("zai", {}),
        ("cerebras", {}),
    ],
)
def test_windows_of_a_whole_account(provider, windows):
    limits = parse_limits(CATALOGUE[provider].limits)

    assert {str(limit.span): limit.limit for limit in limits if not (limit.each or limit.models)} == windows


def test_free_models_of_a_router_share_one_window():
    limits = parse_limits(CATALOGUE["openrouter"].limits)

    assert {(str(limit.span), limit.limit, limit.group) for limit in limits} == {
        ("requests/minute", 20, "free"),
        ("requests/day", 50, "free"),
    }
    assert all(
        limit.matches("qwen/qwen3.8-27b:free") and not limit.matches("qwen/qwen3.8-27b") for limit in limits
    )


def test_prices_become_micro_dollars():
    columns = models("groq")["openai/gpt-oss-20b"].columns()

    assert (columns["prompt_microusd"], columns["completion_microusd"]) == (75_000, 300_000)


def test_vectors_cost_nothing_beside_their_prompt_and_no_price_stays_unknown():
    embedding = models("mistral")["mistral-embed"].columns()
    unpriced = models("groq")["allam-2-7b"].columns()

    assert (embedding["prompt_microusd"], embedding["completion_microusd"]) == (100_000, 0)
    assert (unpriced["prompt_microusd"], unpriced["completion_microusd"]) == (None, None)


def test_half_a_price_of_a_model_that_talks_leaves_the_other_half_unknown():
    columns = ModelEntry(name="any", prompt_usd=0.5).columns()

    assert (columns["prompt_microusd"], columns["completion_microusd"]) == (500_000, None)


def test_only_the_first_sandbox_script_takes_part_in_automatic_routing():
    automatic = [model.name for model in CATALOGUE["sandbox"].models if SCRIPT_TAG not in model.tags]

    assert automatic == ["ok"]
    assert not CATALOGUE["sandbox"].requires_key
    assert not CATALOGUE["sandbox"].limits


def test_the_sandbox_has_every_script():
    assert set(models("sandbox")) == {
        "ok", "slow", "flaky_2", "error_400", "error_401", "error_403", "error_404", "error_429",
        "error_500", "error_503", "stall", "stall_after_content", "cut", "empty", "filtered",
        "tool_call", "parallel_tools", "reasoning", "long",
    }  # fmt: skip


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_every_chat_model_knows_its_context_window(entry):
    chat = [model for model in entry.models if model.task == "chat"]

    assert [model.name for model in chat if not model.context_window] == []


@pytest.mark.parametrize(
    ("task", "providers"),
    [
        (
            "embedding",
            {
                "mistral",
                "gemini",
                "cohere",
                "huggingface",
                "openrouter",
                "nvidia",
                "cloudflare",
                "ollama",
                "lmstudio",
            },
        ),
        ("transcription", {"groq", "mistral", "cohere", "huggingface", "cloudflare"}),
    ],
)
def test_every_provider_of_a_task_names_one_default_model_for_it(task, providers):
    defaults = {
        name: [model.name for model in entry.models if f"default-{task}" in model.tags and model.task == task]
        for name, entry in CATALOGUE.items()
        if any(model.task == task for model in entry.models)
    }

    assert set(defaults) >= providers
    assert all(len(names) == 1 for names in defaults.values())


def test_gemini_days_end_at_midnight_in_california():
    days = [limit for limit in CATALOGUE["gemini"].limits if limit["unit"] == "day"]

    assert {limit["zone"] for limit in days} == {"America/Los_Angeles"}


def test_accepts_the_smallest_file(tmp_path):
    (tmp_path / "acme.toml").write_text(GOOD)

    (entry,) = read_catalogue(tmp_path)

    assert (entry.name, entry.requires_key, entry.models[0].task) == ("acme", True, "chat")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[[models]]", "colour = 1\n[[models]]"), ("acme.toml", "colour")),
        (('base_url = "https://acme.test/v1"', 'base_url = "ftp://acme"'), ("acme.toml", "base_url")),
        (('base_url = "https://acme.test/v1"', ""), ("acme.toml", "base_url")),
        (('default_model = "one"', 'default_model = "two"'), ("acme.toml", "default_model", "two")),
        (('name = "acme"', 'name = "other"'), ("acme.toml", "name", "other")),
        (("[[models]]", "[wire]\ntypo = 1\n[[models]]"), ("acme.toml", "wire.typo")),
        (("[[models]]", "[wire]\nstop_max = 'x'\n[[models]]"), ("acme.toml", "wire", "stop_max")),
        (("[[models]]", "[[wire.variants]]\ndrops = []\n[[models]]"), ("wire.variants[0].models",)),
        (("[[models]]", "[[wire.variants]]\nmodels = ['a*']\ntypo = 1\n[[models]]"), ("wire.variants[0].typo",)),
        (("[[models]]", "[[wire.variants]]\nmodels = ['a*']\nsettings = []\n[[models]]"), ("settings", "whole")),
        (("[[models]]", "[wire.errors]\nangry = ['1']\n[[models]]"), ("wire.errors", "angry", "model_gone")),
        (
            ("[[models]]", "[[wire.error_texts]]\nstatuses = [400]\ntext = '('\nmeans = 'auth'\n[[models]]"),
            ("wire", "'('", "regular expression"),
        ),
        (("[[models]]", "[wire]\nlimit_headers = [{metric = 'requests'}]\n[[models]]"), ("wire", "limit_headers")),
        (("[[models]]", "[wire]\nkey_prefixes = ['a']\n[[models]]"), ("wire", "key_prefixes")),
        (("[[models]]", "[[wire.variants]]\nmodels = ['a*']\norder = {chat = 1}\n[[models]]"), ("order", "whole")),
        (("[[models]]", "[wire]\nincapable = ['fly']\n[[models]]"), ("wire", "incapable", "fly")),
        (("[[models]]", "[wire]\nsettings = ['Account Id']\n[[models]]"), ("wire.settings", "Account Id")),
        (("acme.test", "{region}.acme.test"), ("base_url", "region", "wire.settings")),
        (("[[models]]", "[wire.settings_env]\nregion = 'ACME_REGION'\n[[models]]"), ("wire.settings_env", "region")),
        (("display_name", "key_env = ['acme key']\ndisplay_name"), ("key_env",)),
        (('name = "one"', 'name = "one"\ncontext_window = "big"'), ("model 'one'", "context_window")),
        (('name = "one"', 'name = "one"\ncapabilities = ["fly"]'), ("model 'one'", "capabilities", "fly")),
        (('name = "one"', 'name = "one"\nprompt_usd = -1'), ("model 'one'", "prompt_usd")),
        (
            ('name = "one"', 'name = "one"\nlimits = [{metric = "requests", unit = "fortnight", limit = 1}]'),
            ("model 'one'", "limits[0].unit", "fortnight", "5hour"),
        ),
        (
            ('name = "one"', 'name = "one"\nlimits = [{metric = "requests", unit = "60minute", limit = 1}]'),
            ("model 'one'", "limits[0].unit", "60minute", "'hour'"),
        ),
        (
            ('name = "one"', 'name = "one"\nlimits = [{metric = "calls", unit = "day", limit = 1}]'),
            ("model 'one'", "limits[0].metric", "calls", "requests, tokens"),
        ),
        (
            ('name = "one"', 'name = "one"\nlimits = [{metric="tokens", unit="day", limit=1, zone="Mars"}]'),
            ("model 'one'", "limits[0].zone", "Mars"),
        ),
        (('name = "one"', 'name = "one"\n[[models]]\nname = "one"'), ("model 'one'", "twice")),
        (('name = "one"', 'task = "chat"'), ("models[0]", "name")),
        (("[[models]]", '[retired]\non = 2026-07-30\nbecause = "closed"\n[[models]]'), ("retired", "no models")),
        (("[[models]]", "[retired]\non = 'x'\nbecause = 'closed'\n[[models]]"), ("retired.on",)),
        (("[[models]]", 'key_env = ["acme key"]\n[[models]]'), ("key_env",)),
        (("[[models]]", 'access = "trial"\n[[models]]'), ("access", "trial")),
        (("[[models]]", "[[models]"), ("acme.toml", "line")),
    ],
)  # fmt: skip
def test_says_where_a_file_is_wrong(tmp_path, change, said):
    message = refusal(tmp_path, GOOD.replace(change[0], change[1], 1))

    assert message.startswith("acme.toml: ")
    assert all(part in message for part in said), message


def test_refuses_an_empty_folder(tmp_path):
    with pytest.raises(CatalogueError, match="no catalogue files"):
        read_catalogue(tmp_path)
