"""What a model proves it can do, and what it does not."""

from collections.abc import Iterator

import pytest

from apps.providers.capability_probe import BODIES, CAPABILITIES, draft, models_of, prove
from apps.providers.errors import UpstreamError
from tests.providers.own_server import OwnServer, serving

KEY = "sk-lab-0123456789"


@pytest.fixture
def server() -> Iterator[OwnServer]:
    with serving() as own:
        yield own


def proofs(server, key=""):
    offer = draft(server.url, key, "lab-model", 1)
    return {test: prove(offer, test) for test in BODIES}


def test_what_is_shown_is_proven(server):
    found = proofs(server)

    assert all(proof.is_proven for proof in found.values())
    assert found["streams"].words == "2 events, an end mark."
    assert [proof.tokens for proof in found.values()] == [6, 5, 6, 6, 6, 6]


@pytest.mark.parametrize("missing", sorted(CAPABILITIES))
def test_what_is_taken_in_silence_proves_nothing(server, missing):
    server.can -= {missing}

    found = proofs(server)

    assert {test for test, proof in found.items() if not proof.is_proven} == {missing}
    assert found[missing].status == 200 and found[missing].words.startswith("Taken, but ")


def test_a_refusal_is_told_without_the_key(server):
    server.refuses, server.words = 400, f"no such field, {KEY}"

    found = proofs(server, KEY)

    assert not any(proof.is_proven for proof in found.values())
    assert {proof.status for proof in found.values()} == {400}
    assert all("no such field" in proof.words and KEY not in proof.words for proof in found.values())


def test_the_key_is_sent_where_there_is_one(server):
    prove(draft(server.url, KEY, "lab-model", 1), "answers")
    prove(draft(server.url, "", "lab-model", 1), "answers")

    assert server.asked[0][2] == f"Bearer {KEY}"
    assert KEY not in server.asked[1][2]


def test_the_list_says_what_is_there(server):
    found = models_of(draft(server.url, "", "", 1))

    assert [model.name for model in found.models] == ["lab-model", "bge-m3"]
    assert found.models[0].columns["context_window"] == 65_536


def test_a_list_that_cannot_be_read_is_an_error_without_the_key(server):
    server.refuses, server.words = 401, f"bad key {KEY}"

    with pytest.raises(UpstreamError) as caught:
        models_of(draft(server.url, KEY, "", 1))

    assert KEY not in caught.value.message


def test_nobody_there_is_a_proof_of_nothing():
    proof = prove(draft("http://127.0.0.1:9/v1", "", "x", 1), "answers")

    assert (proof.is_proven, proof.status) == (False, 0)


def test_where_no_provider_is_is_not_called():
    proof = prove(draft("http://169.254.169.254/v1", "", "x", 1), "answers")

    assert (proof.is_proven, proof.status, proof.words) == (False, 0, "no provider is at this address")
