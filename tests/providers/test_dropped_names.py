"""The names of what did not reach the upstream, on their way from the three wires into the answer's header."""

from typing import get_args

import pytest

from apps.gateway.edge.answers import dropped_header
from apps.providers.adapters.chat import codec_for
from apps.providers.types import ChatWire, Preset
from tests.factories import make_offer, make_request

each_wire = pytest.mark.parametrize("wire", get_args(ChatWire))


def named(wire: ChatWire, body) -> tuple[str, ...]:
    """What the adapter of `wire` names, where the upstream takes nothing but messages."""
    offer = make_offer(preset=Preset(wire=wire, fields=frozenset({"messages"})))
    return codec_for(offer).dropped(make_request(body={"messages": [], **body}), offer)


@each_wire
def test_adapters_give_a_clients_own_names_as_they_are(wire: ChatWire):
    assert named(wire, {"x\r\nset-cookie: a": 1, "é": 1}) == ("x\r\nset-cookie: a", "é")


@each_wire
def test_the_header_masks_a_name_that_it_cannot_hold(wire: ChatWire):
    names = named(wire, {"x\r\nset-cookie: a": 1, "made_up": 1, "é": 1})

    assert dropped_header(names) == {"x-freeai-dropped": "?, made_up, ?"}


@each_wire
def test_the_header_names_a_bounded_number(wire: ChatWire):
    names = named(wire, {f"field_{position}": 1 for position in range(1000)})

    assert dropped_header(names)["x-freeai-dropped"].count(",") == 31
