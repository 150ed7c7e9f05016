"""What is masked before upstream text is shown."""

import pytest

from apps.core import redaction
from apps.core.redaction import MAX_LENGTH, mask_keys, scrub
from apps.providers.catalogue_files import read_catalogue
from apps.providers.presets import parse_preset

SHIPPED = sorted({prefix for entry in read_catalogue() for prefix in parse_preset(entry.wire).key_prefixes})


@pytest.fixture
def fresh_keys(monkeypatch):
    """Prefixes that are told in a test are forgotten after it."""
    monkeypatch.setattr(redaction, "_keys", redaction._Keys())


@pytest.mark.parametrize("prefix", ["fai_", "sk-", *SHIPPED])
def test_masks_the_keys_of_every_provider_that_ships(prefix):
    key = f"{prefix}0123456789abcdef"

    assert "0123456789" not in scrub(f"Incorrect API key provided: {key}.")


def test_needs_nobody_to_tell_it_the_common_kinds(fresh_keys):
    assert scrub("refused sk-proj-0123456789 and fai_0123456789") == "refused *** and ***"


def test_masks_what_it_is_told_and_keeps_what_it_knew(fresh_keys):
    mask_keys(["scw.", "gsk"])
    mask_keys(["scw."])

    assert scrub("scw.0123456789 gsk_0123456789 sk-0123456789 scwx0123456789") == "*** *** *** scwx0123456789"


@pytest.mark.parametrize("text", ["Bearer abc.def", "https://x.test/v1?key=abcdef&x=1"])
def test_masks_a_key_by_where_it_stands(text):
    assert "abc" not in scrub(text)


def test_leaves_words_alone():
    text = "The model gpt-oss-120b is not supported; ask again in a minute."

    assert scrub(text) == text


def test_masks_a_given_secret_and_cuts_novels():
    scrubbed = scrub("s3cret " + "x" * 10_000, "s3cret", "")

    assert scrubbed.startswith("*** ")
    assert len(scrubbed) == MAX_LENGTH


@pytest.mark.parametrize(
    "text",
    ["it begins with abcdefghijkl, see", "…mnopqrstuvwx is wrong", '{"key":"abcdefgh"}', "abcdefgh***uvwx"],
)
def test_masks_the_beginning_and_the_end_of_a_secret(text):
    scrubbed = scrub(text, "abcdefghijklmnopqrstuvwx")

    assert "abcdefgh" not in scrubbed and "qrstuvwx" not in scrubbed
    assert "***" in scrubbed and scrubbed[0] == text[0].replace("a", "*")


def test_a_short_secret_is_masked_whole_only():
    assert scrub("ollama and ollama-cloud", "ollama-clou") == "ollama and ***d"
