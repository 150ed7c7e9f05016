"""THE registry of wires, and the names of wires that the catalogue may use."""

from typing import get_args, get_type_hints

import pytest

from apps.providers.adapters import WIRES, chat, embeddings, transcription
from apps.providers.catalogue_files import read_catalogue
from apps.providers.presets import parse_preset
from apps.providers.types import ChatWire, Preset, Secret
from apps.providers.wires import EmbeddingWire, TranscriptionWire
from tests.factories import API_KEY, make_offer

PRESETS = {entry.name: parse_preset(entry.wire) for entry in read_catalogue()}


@pytest.mark.parametrize(
    ("codecs", "names"),
    [
        (chat.CODECS, ChatWire),
        (embeddings.CODECS, get_type_hints(EmbeddingWire)["wire"]),
        (transcription.CODECS, get_type_hints(TranscriptionWire)["wire"]),
    ],
    ids=["chat", "embeddings", "transcription"],
)
def test_every_wire_that_a_preset_can_name_has_its_codec(codecs, names):
    assert set(codecs) == set(get_args(names))


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_wires_headers_carry_the_key_and_the_presets_own(wire):
    offer = make_offer(preset=Preset(headers={"x-title": "FreeAI"}))

    headers = wire.headers(offer)

    assert [name for name, value in headers.items() if API_KEY in value]
    assert headers["x-title"] == "FreeAI"
    assert API_KEY not in repr(headers)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_a_call_without_a_key_has_headers_of_its_own(wire):
    offer = make_offer(api_key=Secret(""))

    wire.headers(offer)["content-type"] = "audio/wav"

    assert wire.headers(offer)["content-type"] == "application/json"


def test_what_is_compiled_of_a_preset_is_made_once_and_goes_with_it():
    made: list[Preset] = []
    preset, other = Preset(), Preset()

    for each in (preset, preset, other):
        assert each.compiled(made.append) is None

    assert [each is preset for each in made] == [True, False]
