"""Counting the values of a JSON text before it is decoded."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import json_bounds
from apps.core.json_bounds import holds_more_values, is_json, nests_deeper

TEXTS = st.text(alphabet='ab,:[]{}"\\\n', max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=60,
)


def count(value) -> int:
    """Values and keys within `value`, itself apart."""
    match value:
        case dict():
            return sum(2 + count(item) for item in value.values())
        case list():
            return sum(1 + count(item) for item in value)
        case _:
            return 0


@given(VALUES, st.integers(1, 80))
def test_the_count_is_exact_wherever_pieces_end(value, piece):
    text = orjson.dumps(value)
    marks = count(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "PIECE", piece)
        assert not holds_more_values(text, marks)
        if marks:
            assert json_bounds._values_exceed(text, marks - 1)


@pytest.mark.parametrize(
    "text",
    [
        b'{"x":[' + b"[]," * 120_000 + b"[]]}",
        b'{"x":[' + b'"",' * 120_000 + b'""]}',
        b'{"x":{' + b",".join(b'"%d":1' % number for number in range(60_000)) + b"}}",
        b'{"x":[' + b"1," * 120_000 + b"1]}",
    ],
    ids=["lists", "strings", "members", "numbers"],
)
def test_many_small_values_are_found(text):
    assert holds_more_values(text, 100_000)


@pytest.mark.parametrize(
    "text",
    [
        b'"' * 400_000 + b"," * 100_001,
        b'["' + b"," * 100_001 + b'"' + b"[]" * 200_000,
        b"[" * 100_002 + b"]" * 9,
    ],
    ids=["quotes", "lists that nothing parts", "lists that nothing closes"],
)
def test_what_cannot_be_json_is_not_looked_at_to_its_end(text: bytes):
    assert holds_more_values(text, 100_000)


@pytest.mark.parametrize(
    "content",
    [
        "Hello, world: prose, with commas. " * 20_000,
        '{"a": [1, 2, {"b": [3, 4]}]}, ' * 20_000,
        'say \\"one\\", \\\\, two, ' * 20_000,
        "abcdefgh" * 200_000,
    ],
    ids=["prose", "code", "escapes", "base64"],
)
def test_what_a_text_holds_are_no_values(content):
    assert not holds_more_values(orjson.dumps({"messages": [{"role": "user", "content": content}]}), 100_000)


@given(st.binary(max_size=300))
def test_no_bytes_break_it(text):
    holds_more_values(text, 3)


def depth(value) -> int:
    """Levels of lists and objects, its own included."""
    match value:
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
        case list():
            return 1 + max(map(depth, value), default=0)
        case _:
            return 0


class TestNesting:
    @given(VALUES)
    def test_its_depth_is_exact(self, value):
        text = orjson.dumps(value)

        assert not nests_deeper(text, depth(value))
        if depth(value):
            assert nests_deeper(text, depth(value) - 1)

    @pytest.mark.parametrize("text", [b"[" * 101, b'{"a":' * 101 + b"1" + b"}" * 101])
    def test_a_text_that_is_too_deep(self, text):
        assert nests_deeper(text)

    @pytest.mark.parametrize(
        "text", [b"[]" * 200, b'"' + b"[" * 200 + b'"', b"[" * 50 + b"[]," * 99, b"]" * 200]
    )
    def test_a_text_that_is_not(self, text):
        assert not nests_deeper(text)


class TestWhole:
    @given(VALUES, st.integers(0, 40))
    def test_what_is_cut_is_not_whole(self, value, cut):
        text = orjson.dumps([value])

        assert is_json(text)
        assert not is_json(text[: min(cut, len(text) - 1)])

    @pytest.mark.parametrize("text", [b"", b"{]", b"{} {}", b"[" * 100_000])
    def test_what_is_none(self, text):
        assert not is_json(text)
