"""`.env` files as people write them, and what is not guessed at."""

import time
from contextlib import suppress

import pytest

from apps.providers.env_file import MAX_BYTES, EnvFileError, parse, read

KEY = "gsk_test_canary_0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"A={KEY}",
        f"A={KEY}\n",
        f"A = {KEY}  ",
        f"  export A={KEY}",
        f"export\tA='{KEY}'",
        f'A="{KEY}"',
        f'A="{KEY}" # mine',
        f"A='{KEY}'# mine",
        f"A={KEY} # mine",
        f"A={KEY}\r\nB=2\r\n",
        f"# A=old\n\nA={KEY}",
        f"A=old\nA={KEY}",
        f"B\nA={KEY}",
        f"nonsense here\n=\nA={KEY}",
    ],
)
def test_reads_a_value(text):
    assert parse(text)["A"].text == KEY


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=", ""),
        ("A=''", ""),
        ("A= # nothing", ""),
        ("A=a#b", "a#b"),
        ("A=a=b", "a=b"),
        ('A="a # b"', "a # b"),
        (r'A="a\"b\\c\n"', 'a"b\\c\n'),
        (r"A='a\n$HOME'", r"a\n$HOME"),
        (r'A="\$a"', "$a"),
        ("A=a$1", "a$1"),
    ],
)
def test_takes_a_value_as_shells_do(text, value):
    assert (parse(text)["A"].text, parse(text)["A"].objection) == (value, "")


@pytest.mark.parametrize(
    ("text", "objection"),
    [
        ("A=$B", "another variable"),
        ("A=${B}", "another variable"),
        ('A="x${B:-y}"', "another variable"),
        ("A=$(cat key)", "another variable"),
        ("A=`cat key`", "another variable"),
        ('A="one\ntwo"', "several lines"),
        ("A='one\nB=two'", "several lines"),
        ('A="one"two', "behind its closing quote"),
    ],
)
def test_objects_to_what_other_readers_might_understand_differently(text, objection):
    value = parse(f"{text}\nC=3")["A"]

    assert value.text == ""
    assert objection in value.objection


def test_what_stands_inside_of_a_value_of_several_lines_is_no_variable():
    assert set(parse("PEM='-----BEGIN\nA=inside\n-----END'\nC=3")) == {"PEM", "C"}


def test_a_quote_that_is_never_closed_is_told_by_line_and_without_its_text():
    with pytest.raises(EnvFileError) as error:
        parse(f'B=1\nA="{KEY}\nC=3')

    assert "line 2" in str(error.value)
    assert KEY not in str(error.value)


def test_a_mark_of_the_byte_order_is_no_part_of_a_name(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfA=1\r\n")

    assert read(path)["A"].text == "1"


@pytest.mark.parametrize("raw", [b"A=\xff\xfe", b"#" * (MAX_BYTES + 1)], ids=["no text", "too large"])
def test_refuses_a_file_that_is_none(tmp_path, raw):
    path = tmp_path / ".env"
    path.write_bytes(raw)

    with pytest.raises(EnvFileError):
        read(path)


@pytest.mark.parametrize("unit", [" ", "\\", "#", "x #", '"', '\\"', "$", "A="])
@pytest.mark.parametrize("start", ["A=x", "A", "A='", 'A="', "export"])
def test_the_largest_file_is_read_in_a_moment(start, unit):
    text = start + unit * ((MAX_BYTES - 20) // len(unit)) + "y"
    began = time.process_time()

    with suppress(EnvFileError):
        parse(text)

    assert time.process_time() - began < 2
