"""docs/PROVIDERS.md says what the catalogue says, and its recipe for a new provider works."""

import re
import tomllib

import aiohttp
import pytest
from django.core.management import CommandError, call_command

from apps.providers.adapters.chat import codec_for
from apps.providers.adapters.refusals.meanings import LIMIT, MEANINGS
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_tables import HEADS, tables, written
from apps.providers.presets import parse_preset
from apps.providers.types import Preset
from fakes import FakeUpstream
from tests.documents import Document
from tests.factories import make_offer, make_request

DOCUMENT = Document("PROVIDERS.md")
CATALOGUE = read_catalogue()


def read_example(folder):
    """The example of a provider in ten lines."""
    toml = DOCUMENT.section("Add a provider in ten lines").split("```toml\n")[1].split("```")[0]
    assert len(toml.strip().splitlines()) <= 10
    (folder / f"{tomllib.loads(toml)['name']}.toml").write_text(toml)
    (entry,) = read_catalogue(folder)
    return entry


@pytest.mark.parametrize("title", HEADS)
def test_tables_say_what_the_catalogue_says(title):
    """Of the providers that stand there; `manage.py document_catalogue --check` tells of one that does not."""
    made = tables(CATALOGUE)[title]

    stated = {row[0].strip("`"): tuple(row) for row in DOCUMENT.rows(title)}

    assert stated == {name: made.get(name) for name in stated}
    assert list(stated) == sorted(stated)


def test_tables_are_written_where_they_stand_and_nothing_else_is(tmp_path):
    scaleway = read_example(tmp_path)

    document = written(DOCUMENT.text, [*CATALOGUE, scaleway])

    added = [line for line in document.splitlines() if line not in DOCUMENT.text.splitlines()]
    assert added == [
        "| `scaleway` | yes | - | 1 chat | tools, forced_tools, json_schema, json_object | - | -"
        " | [Scaleway](https://console.scaleway.com/iam/api-keys) |"
    ]
    assert written(document, CATALOGUE) == written(DOCUMENT.text, CATALOGUE)


def test_command_checks_and_writes(tmp_path, capsys):
    path = tmp_path / "PROVIDERS.md"
    path.write_text(DOCUMENT.text.replace("| `groq` |", "| `grok` |"))

    with pytest.raises(SystemExit) as stopped:
        call_command("document_catalogue", check=True, document=path)
    call_command("document_catalogue", document=path)

    assert stopped.value.code == 1
    assert path.read_text() == written(DOCUMENT.text, read_catalogue())


def test_command_refuses_a_document_without_the_sections(tmp_path):
    path = tmp_path / "PROVIDERS.md"
    path.write_text("# Providers\n")

    with pytest.raises(CommandError, match="The table"):
        call_command("document_catalogue", document=path)


def test_settings_table_is_the_preset():
    named = {
        name for row in DOCUMENT.rows("What `[wire]` can say") for name in re.findall(r"`(\w+)`", row[0])
    }

    assert named == set(Preset.__struct_fields__)


def test_meanings_table_is_what_errors_can_say():
    named = {
        word for row in DOCUMENT.rows("What an error can mean") for word in re.findall(r"`(\w+)`", row[0])
    }

    assert named == {*MEANINGS, LIMIT}


async def test_a_provider_in_ten_lines_answers(tmp_path):
    entry = read_example(tmp_path)

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
