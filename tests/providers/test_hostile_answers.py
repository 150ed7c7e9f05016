"""Events that are made to cost time: reading one takes as long as it is large, whatever is in it."""

import orjson
import pytest

from apps.providers.errors import ErrorKind
from apps.providers.types import Offer

from .costly import MIB, fed, in_time
from .test_nearly_json import WIRES, event

__all__ = ["in_time"]

ODD_EVENTS = {
    "lines of JSON behind a long one": b"data:  {" + b"x" * MIB + b"\n" + b"a\n" * MIB + b"\n",
    "comments behind a long one": b"data: {" + b"x" * MIB + b" \n" + b":\n" * MIB + b"\n",
    "numbers one behind the other": b"data: " + b"1 " * 3_000_000 + b"\n\n",
    "texts one behind the other": b"data: " + b'""' * 3_000_000 + b"\n\n",
    "a ping of nothing": b"event: ping\ndata: " + b"content " * 500_000 + b"\n\n",
    "JSON in a text": b"data: " + orjson.dumps("[" + "{}," * 2_000_000 + "{}]") + b"\n\n",
}


@WIRES
@pytest.mark.parametrize("name", ODD_EVENTS)
@pytest.mark.usefixtures("in_time")
def test_an_odd_event(offer: Offer, name: str):
    fed(offer, event(offer, b"Hi"), ODD_EVENTS[name])


@WIRES
@pytest.mark.usefixtures("in_time")
def test_blanks_before_a_stream(offer: Offer):
    fed(offer, *(b" " * 16 for _ in range(100_000)))


@WIRES
def test_nesting_that_no_client_can_be_given(offer: Offer):
    deep = b"[" * 200 + b"]" * 200
    frame = b'data: {"x":' + deep + b',"choices":[{"delta":{"content":"a","annotations":' + deep + b"}}]}\n\n"

    assert fed(offer, event(offer, b"Hi"), frame) is ErrorKind.PARSING
