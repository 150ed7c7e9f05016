"""What an entry of a model list says, in the shape of each provider, and what no entry can do."""

from datetime import date

import msgspec
import pytest

from apps.providers.listing.families import families, family_of
from apps.providers.listing.reading import MAX_MODELS, entries, read
from apps.providers.listing.tables import Abilities, Listing, Path, Prices, Words, meaning, values
from apps.providers.listing.wanting import wanted
from apps.providers.presets import PresetError, parse_preset
from fakes.families.listing import ModelList
from fakes.upstreams import UPSTREAMS
from tests.providers.listings import ENTRIES, entry

LISTING = parse_preset(ENTRIES["openrouter"].wire).listing
TELLING = sorted(
    name for name in ENTRIES if name in UPSTREAMS and parse_preset(ENTRIES[name].wire).listing.url
)


def document_of(name):
    return next(family.document for family in UPSTREAMS[name].families if isinstance(family, ModelList))


def one(listed, listing=LISTING):
    """What the list's only model says."""
    (found,) = read([[listed]], listing).models
    return found


@pytest.mark.parametrize("name", TELLING)
def test_every_fakes_list_is_read_with_the_catalogues_table(name):
    listing = parse_preset(ENTRIES[name].wire).listing

    reading = read([entries(document_of(name), listing) or []], listing)

    assert reading.models
    assert not reading.unusable
    assert reading.is_whole


@pytest.mark.parametrize(
    ("name", "model", "task", "columns", "abilities"),
    [
        (
            "openrouter",
            "openai/gpt-oss-20b:free",
            None,
            {"context_window": 131_072, "max_output_tokens": 32_768, "access": "free"},
            {"tools": True, "reasoning": True, "vision": False},
        ),
        (
            "openrouter",
            "openai/gpt-oss-20b",
            None,
            {"prompt_microusd": 50_000, "completion_microusd": 50_000, "access": "prepaid"},
            {},
        ),
        ("openrouter", "openrouter/auto", None, {"access": "prepaid", "context_window": 2_000_000}, {}),
        (
            "gemini",
            "gemini-3.8-flash",
            "chat",
            {"context_window": 1_048_576, "max_output_tokens": 65_536},
            {"reasoning": True},
        ),
        ("gemini", "gemini-embedding-001", "embedding", {"context_window": 2_048}, {}),
        (
            "mistral",
            "mistral-large-latest",
            "chat",
            {"context_window": 262_144},
            {"tools": True, "vision": True, "reasoning": False},
        ),
        ("mistral", "voxtral-mini-latest", "transcription", {}, {}),
        ("cohere", "embed-v4.0", "embedding", {}, {}),
        (
            "huggingface",
            "openai/gpt-oss-120b",
            None,
            {"context_window": 131_072, "prompt_microusd": 250_000, "completion_microusd": 690_000},
            {"tools": True, "json_schema": False},
        ),
        (
            "cloudflare",
            "@cf/openai/gpt-oss-120b",
            "chat",
            {"context_window": 128_000, "prompt_microusd": 350_000, "completion_microusd": 750_000},
            {},
        ),
        ("cloudflare", "@cf/black-forest-labs/flux-1-schnell", "image", {}, {}),
        ("together", "BAAI/bge-base-en-v1.5", "embedding", {"context_window": 512}, {}),
        ("together", "black-forest-labs/FLUX.1-schnell", "image", {}, {}),
    ],
)
def test_reads_what_each_provider_tells(name, model, task, columns, abilities):
    listing = parse_preset(ENTRIES[name].wire).listing
    found = {
        listed.name: listed for listed in read([entries(document_of(name), listing) or []], listing).models
    }

    listed = found[model]

    assert listed.task == task
    assert columns.items() <= listed.columns.items()
    assert abilities.items() <= listed.abilities.items()


def test_price_of_nothing_says_free_and_not_what_a_model_is_worth():
    assert "prompt_microusd" not in one(entry("a/b:free")).columns


def test_day_of_the_end_is_read_from_a_date_and_from_a_time():
    for text in ("2026-12-24", "2026-12-24T00:00:00Z"):
        assert one(entry("a/b", expires=text)).columns["retires_at"] == date(2026, 12, 24).isoformat()


@pytest.mark.parametrize("expires", ["soon", "", 5, None, [], "9999999999-01-01"])
def test_an_end_that_cannot_be_read_is_none(expires):
    assert "retires_at" not in one(entry("a/b", expires=expires)).columns


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a" * 201,
        "a" * 10**6,
        "line\nbreak",
        "nul\x00",
        "escape\x1b[31m",
        "*",
        "naïve",
        5,
        None,
        ["x"],
        {"a": 1},
        True,
    ],
)
def test_what_cannot_be_a_name_is_counted_and_left_out(name):
    reading = read([[entry(name), entry("a/good")]], LISTING)

    assert [listed.name for listed in reading.models] == ["a/good"]
    assert reading.unusable == 1


@pytest.mark.parametrize(
    "change",
    [
        {"context_length": "many"},
        {"context_length": -5},
        {"context_length": 10**30},
        {"context_length": [1]},
        {"context_length": float("inf")},
        {"context_length": True},
        {"pricing": "free"},
        {"pricing": {"prompt": "NaN", "completion": "NaN"}},
        {"pricing": {"prompt": "1e400", "completion": "1e400"}},
        {"pricing": {"prompt": "9" * 10**6, "completion": "1"}},
        {"pricing": {"prompt": 10**400, "completion": 10**400}},
        {"supported_parameters": "tools"},
        {"supported_parameters": {"tools": True}},
        {"supported_parameters": [["tools"], 5, None]},
        {"architecture": []},
        {"top_provider": 5},
        {"expiration_date": {"year": 2026}},
    ],
)
def test_a_value_of_the_wrong_type_takes_nothing_else_with_it(change):
    listed = one(entry("a/b") | change)

    assert listed.name == "a/b"
    assert all(isinstance(value, int | str) for value in listed.columns.values())
    assert msgspec.json.encode(listed.columns)


def test_first_of_several_with_the_same_name_counts():
    reading = read([[entry("a/b", window=1_000), entry("a/b", window=2_000)]], LISTING)

    assert [listed.columns["context_window"] for listed in reading.models] == [1_000]


def test_a_million_entries_are_cut_and_said_to_be():
    reading = read([[entry(f"a/{number}") for number in range(MAX_MODELS + 1)]], LISTING)

    assert len(reading.models) == MAX_MODELS
    assert not reading.is_whole


def test_entries_that_are_no_objects_are_left_out():
    reading = read([[None, 5, "text", [], [entry("in/side")], entry("a/b")]], LISTING)

    assert [listed.name for listed in reading.models] == ["a/b"]


@pytest.mark.parametrize(
    "document", [None, 5, "text", {}, {"data": {}}, {"data": "x"}, {"error": {"message": "no"}}]
)
def test_what_is_no_list_is_none(document):
    assert entries(document, LISTING) is None


def test_only_the_entries_that_count_are_read():
    listing = Listing(only=Words(path="active", words={"true": "listed"}))

    reading = read([[{"id": "a", "active": True}, {"id": "b", "active": False}, {"id": "c"}]], listing)

    assert reading.names == {"a"}


def test_of_several_hosts_the_least_window_and_the_highest_price_count():
    listing = Listing(
        context=("hosts[].window",), prices=Prices(prompt="hosts[].in", completion="hosts[].out")
    )
    hosts = [{"window": 4_000, "in": 1.0, "out": 2.0}, {"window": 8_000, "in": 0.5, "out": 3.0}]

    listed = one({"id": "a", "hosts": hosts}, listing)

    assert listed.columns == {
        "context_window": 4_000,
        "prompt_microusd": 1_000_000,
        "completion_microusd": 3_000_000,
    }


def test_a_table_that_does_not_deny_only_adds():
    listing = Listing(
        abilities=(Abilities(path="features", words={"tools": ("tools",), "see": ("vision",)}, denies=False),)
    )

    assert one({"id": "a", "features": ["tools"]}, listing).abilities == {"tools": True}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", [{"a": {"b": 1}, "list": [{"key": "x", "n": 1}, {"key": "y", "n": 2}, 5]}]),
        ("a.b", [1]),
        ("list[].n", [1, 2]),
        ("list[key=y].n", [2]),
        ("list[key=z].n", []),
        ("a[].b", []),
        ("nothing.here", []),
    ],
)
def test_a_path_leads_to_all_that_is_there(path, found):
    assert values({"a": {"b": 1}, "list": [{"key": "x", "n": 1}, {"key": "y", "n": 2}, 5]}, path) == found


@pytest.mark.parametrize("path", ["a..b", "a.", ".a", "[x]", "a[b", "a]b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(path, Path)


def test_words_are_met_in_the_tables_order():
    table = Words(path="methods", words={"generate": "chat", "embed": "embedding"})

    assert meaning({"methods": ["embed", "generate"]}, table) == "chat"
    assert meaning({"methods": ["count"]}, table) == ""
    assert meaning({}, table) is None


def test_a_capability_that_does_not_exist_is_named():
    with pytest.raises(PresetError, match="'toolz' is no capability"):
        parse_preset({"listing": {"abilities": [{"path": "a", "words": {"x": ["toolz"]}}]}})


class TestFamilies:
    def test_the_table_is_read(self):
        assert len(families()) > 60

    @pytest.mark.parametrize(
        ("name", "task"),
        [
            ("openai/gpt-oss-120b", "chat"),
            ("gemini-3.8-flash", "chat"),
            ("thinkingmachines/inkling:free", "chat"),
            ("nvidia/llama-3.1-nemotron-safety-guard-8b-v3", "moderation"),
            ("gemini-2.5-flash-preview-tts", "speech"),
            ("gemini-2.5-flash-image", "image"),
            ("text-embedding-3-small", "embedding"),
            ("nvidia/nv-embedqa-e5-v5", "embedding"),
            ("rerank-v4.0-pro", "rerank"),
            ("bge-reranker-v2-m3", "rerank"),
            ("whisper-large-v3", "transcription"),
            ("mistral-ocr-latest", "ocr"),
            ("veo-3.1", "video"),
            ("black-forest-labs/FLUX.1-schnell", "image"),
            ("ft:mistral-small-latest:abc", "private"),
        ],
    )
    def test_a_name_tells_what_a_model_does(self, name, task):
        family = family_of(name)

        assert family is not None
        assert family.task == task

    def test_no_chat_model_of_the_catalogue_is_taken_for_something_else(self):
        chat = {
            model.name
            for shipped in ENTRIES.values()
            for model in shipped.models
            if model.enabled and model.task == "chat"
        }
        doubted = {name for name in chat if (family := family_of(name)) and family.task != "chat"}

        assert doubted <= {"command-a-translate-08-2025", "ocr"}

    @pytest.mark.parametrize("name", ["zz-unheard-of", "acme/new-thing-1"])
    def test_an_unknown_name_has_none(self, name):
        assert family_of(name) is None


class TestWanted:
    def test_what_nobody_tells_is_inferred_and_marked(self):
        want = wanted(one({"id": "openai/gpt-oss-120b"}, Listing()), {}, "free")

        assert want is not None
        assert want.columns["capabilities"] == ["tools", "reasoning"]
        assert set(want.inferred) == {"task", "capabilities", "context_window", "tags"}

    def test_what_is_told_is_not_inferred(self):
        want = wanted(one(entry("openai/gpt-oss-120b", window=1_000)), {}, "free")

        assert want is not None
        assert (want.columns["context_window"], want.columns["capabilities"]) == (1_000, ["tools"])
        assert set(want.inferred) == {"task", "tags"}

    def test_a_name_that_speaks_against_conversation_is_believed_before_the_list(self):
        listed = one(
            {"id": "gemini-x-tts", "does": ["generate"]},
            Listing(task=Words(path="does", words={"generate": "chat"})),
        )

        assert wanted(listed, {}, "free") is None

    def test_told_capabilities_correct_the_catalogues(self):
        shipped = {"task": "chat", "enabled": True, "capabilities": ["vision", "tools", "n"]}

        want = wanted(one(entry("a/b", parameters=("reasoning",))), shipped, "free")

        assert want is not None
        assert want.columns["capabilities"] == ["n", "reasoning"]

    def test_a_window_of_what_has_none_is_not_taken(self):
        want = wanted(one({"id": "whisper-large-v3", "context_window": 448}, Listing()), {}, "free")

        assert want is not None
        assert "context_window" not in want.columns

    def test_what_is_like_the_provider_is_not_said(self):
        want = wanted(one(entry("a/b", price="0.1")), {}, "prepaid")

        assert want is not None
        assert want.columns["access"] == ""
