"""docs/PROVIDERS.md says what the catalogue says, and its recipe for a new provider works."""

import re
import tomllib
from pathlib import Path

import aiohttp
import pytest

from apps.providers.adapters.chat import codec_for
from apps.providers.adapters.refusals.meanings import LIMIT, MEANINGS
from apps.providers.catalogue_files import ProviderEntry, read_catalogue
from apps.providers.presets import parse_preset
from apps.providers.types import Preset
from fakes import FakeUpstream
from tests.factories import make_offer, make_request

DOCUMENT = (Path(__file__).parents[2] / "docs" / "PROVIDERS.md").read_text(encoding="utf-8")
CATALOGUE = [entry for entry in read_catalogue() if entry.name != "sandbox"]
FEATURES = (
    "vision",
    "audio",
    "tools",
    "forced_tools",
    "json_schema",
    "json_object",
    "n",
    "logprobs",
    "reasoning",
)
TASKS = ("chat", "embedding", "transcription")


def section(title):
    """The text below a heading, up to the next one of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def rows(text):
    """The cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def spans(limits):
    """{"requests/day": [limit, …]} in the order in which they come."""
    found: dict[str, list[int]] = {}
    for limit in limits:
        found.setdefault(f"{limit['metric']}/{limit['unit']}", []).append(limit["limit"])
    return found


def between(numbers):
    low, high = f"{min(numbers):,}", f"{max(numbers):,}"
    return low if low == high else f"{low} to {high}"


def listed(items):
    return ", ".join(items) or "-"


def model_limits(entry):
    return [limit for model in entry.models if model.enabled for limit in model.limits]


def resets(entry):
    """How the windows end: they roll, or end on the clock of a zone."""
    limits = [*entry.limits, *model_limits(entry)]
    ends = ["rolling" if limit.get("rolling") else f"clock of {limit.get('zone', 'UTC')}" for limit in limits]
    return listed(sorted(set(ends), reverse=True))


def expected(entry: ProviderEntry) -> list[str]:
    """The row that describes the provider."""
    preset = parse_preset(entry.wire)
    models = [model for model in entry.models if model.enabled]
    tasks = {task: sum(model.task == task for model in models) for task in TASKS}
    features = {
        feature
        for model in models
        for feature in set(model.capabilities) - preset.for_model(model.name).incapable
    }
    return [
        f"`{entry.name}`",
        listed(f"{numbers[0]:,} {span}" for span, numbers in spans(entry.limits).items()),
        listed(f"{between(numbers)} {span}" for span, numbers in sorted(spans(model_limits(entry)).items())),
        resets(entry),
        ", ".join(f"{count} {task}" for task, count in tasks.items() if count) or "your own",
        listed(feature for feature in FEATURES if feature in features),
        f"[{entry.display_name}]({entry.key_url})" + ("" if entry.requires_key else ", no key"),
    ]


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_table_says_what_the_catalogue_says(entry):
    (row,) = [row for row in rows(section("The table")) if row[0] == f"`{entry.name}`"]

    assert row == expected(entry)


def test_table_has_no_other_rows():
    assert [row[0] for row in rows(section("The table"))] == sorted(f"`{entry.name}`" for entry in CATALOGUE)


def test_every_provider_has_a_note_of_what_its_windows_do_not_say():
    noted = {row[0] for row in rows(section("What the numbers do not say"))}

    assert noted == {f"`{entry.name}`" for entry in CATALOGUE}


def test_settings_table_is_the_preset():
    named = {
        name for row in rows(section("What `[wire]` can say")) for name in re.findall(r"`(\w+)`", row[0])
    }

    assert named == set(Preset.__struct_fields__)


def test_meanings_table_is_what_errors_can_say():
    named = {
        word for row in rows(section("What an error can mean")) for word in re.findall(r"`(\w+)`", row[0])
    }

    assert named == {*MEANINGS, LIMIT}


async def test_a_provider_in_ten_lines_answers(tmp_path):
    toml = section("Add a provider in ten lines").split("```toml\n")[1].split("```")[0]
    assert len(toml.strip().splitlines()) <= 10
    (tmp_path / f"{tomllib.loads(toml)['name']}.toml").write_text(toml)

    (entry,) = read_catalogue(tmp_path)
    async with FakeUpstream() as fake, aiohttp.ClientSession() as http:
        offer = make_offer(
            provider=entry.name,
            model=entry.default_model,
            preset=parse_preset(entry.wire),
            base_url=fake.url("openai"),
        )
        built = codec_for(offer).build(make_request(), offer)
        async with http.post(built.url, data=built.body, headers=built.headers) as response:
            result = codec_for(offer).parse(await response.read(), offer)

    assert result.choices[0]["message"]["content"]
    assert entry.models[0].columns()["context_window"]
