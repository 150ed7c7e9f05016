"""Whether a provider may train on what it is sent: what the catalogue says, and what is made of a row that an operator edited."""

from datetime import date

import msgspec
import pytest

from apps.providers.catalogue_files import Term, read_catalogue
from apps.providers.facts import why_trains
from apps.providers.types import TRAINING_UNKNOWN


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ([], TRAINING_UNKNOWN),
        ([{"about": "use", "text": "No.", "seen": "2026-10-01"}], TRAINING_UNKNOWN),
        (
            [{"about": "training", "text": "Never.", "seen": "2026-10-01", "may": False, "source": "terms"}],
            "",
        ),
        (
            [{"about": "training", "text": "It does.", "seen": "2026-10-01", "may": True, "source": "terms"}],
            "It does. (2026-10-01)",
        ),
        ([{"about": "training", "text": "Perhaps.", "seen": "2026-10-01"}], "Perhaps. (2026-10-01)"),
        (
            [
                {"about": "training", "text": "Never.", "seen": "2026-10-01", "may": False},
                {"about": "training", "text": "It does.", "seen": "2026-10-02", "may": True},
            ],
            "It does. (2026-10-02)",
        ),
        ([{"about": "training", "may": "no"}], f"{TRAINING_UNKNOWN} (undated)"),
        ("nonsense", TRAINING_UNKNOWN),
        ([5, None], TRAINING_UNKNOWN),
    ],
)
def test_only_a_plain_no_says_that_nothing_is_trained_on(terms, why):
    assert why_trains(terms) == why


NEVER_TRAIN = {"llamacpp", "lmstudio", "ollama", "sandbox", "vllm"}


def test_of_the_catalogue_only_what_runs_here_is_known_not_to_train():
    training = {
        entry.name: why_trains([msgspec.to_builtins(term) for term in entry.terms])
        for entry in read_catalogue()
    }

    assert {name for name, why in training.items() if not why} == NEVER_TRAIN
    assert {name for name, why in training.items() if why not in ("", TRAINING_UNKNOWN)} == {
        "gemini",
        "kilo",
        "mistral",
    }


@pytest.mark.parametrize(
    "term",
    [
        {"about": "training", "text": "It may.", "seen": date(2026, 10, 1)},
        {"about": "training", "text": "It may.", "seen": date(2026, 10, 1), "may": True},
        {"about": "training", "text": "It may.", "seen": date(2026, 10, 1), "source": "terms"},
        {"about": "use", "text": "No.", "seen": date(2026, 10, 1), "may": False, "source": "terms"},
    ],
)
def test_a_term_about_training_says_whether_and_by_whom_and_no_other_does(term):
    with pytest.raises(msgspec.ValidationError, match="`may` and `source`"):
        msgspec.convert(term, Term)
