"""A total and its break-downs, and what of them is stored."""

from apps.analytics.rollup.digests import MOST_MODELS, OTHER, Digest, merged, pack_parts, unpack_parts
from apps.analytics.rollup.measures import NOTHING, Measures, summed


def test_of_ever_new_models_no_more_are_stored_than_can_be_told():
    """A client names them as it likes."""
    models = {f"model-{number}": Measures(attempts=number, requests=1) for number in range(3 * MOST_MODELS)}

    stored = unpack_parts(pack_parts({"model": models, "provider": models}))

    assert (len(stored["model"]), len(stored["provider"])) == (MOST_MODELS, 3 * MOST_MODELS)
    assert f"model-{3 * MOST_MODELS - 1}" in stored["model"]
    assert summed(stored["model"].values()) == summed(models.values())
    again = unpack_parts(pack_parts(merged([Digest(parts=stored), Digest(parts={"model": models})]).parts))
    assert OTHER in again["model"]
    assert len(again["model"]) == MOST_MODELS


def test_nothing_merged_is_nothing():
    assert merged([]) == Digest(NOTHING, {})
