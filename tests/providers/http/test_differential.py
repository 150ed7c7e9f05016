"""Hostile answers: ours are read as aiohttp and h11 read them, or refused. `differential` runs as many as are asked for."""

import logging

import pytest

from tests.providers.http.differential import compare


@pytest.mark.parametrize("first", range(0, 1_500, 500))
async def test_hostile_answers_are_read_as_others_read_them(first, monkeypatch):
    monkeypatch.setattr(logging.getLogger("aiohttp"), "disabled", True)

    counted, wrong = await compare(range(first, first + 500))

    assert wrong == []
    assert counted["same"] == 500
