"""The six figures."""

from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import NOTHING, Measures
from apps.console.traffic.tiles import percent, tiles_of

DAY = Measures(
    attempts=210,
    attempt_successes=196,
    requests=200,
    successes=196,
    cancellations=2,
    fallbacks=10,
    rescues=9,
    prompt_tokens=1_200_000,
    completion_tokens=34_000,
    saved_microusd=4_860_000,
    latency=sketch.histogram([400.0] * 190 + [2_000.0] * 6),
    ttfb=sketch.histogram([180.0] * 100),
)


def by_name(*measures):
    return {tile.name: tile for tile in tiles_of(*measures)}


def test_figures_of_a_day():
    tiles = by_name(DAY, None, [DAY, DAY])

    assert [f"{tile.value}{tile.unit}" for tile in tiles.values()][:3] == ["200", "99.0%", "5.0%"]
    assert (tiles["Answered"].detail, tiles["Fallbacks"].detail) == (
        "2 of 200 failed",
        "9 rescued by another",
    )
    assert (tiles["Tokens"].value, tiles["Tokens"].unit, tiles["Saved"].value) == ("1.23", "M", "$4.86")
    assert tiles["Latency p95"].unit == "ms" and "first 18" in tiles["Latency p95"].detail
    assert all(tile.change is None for tile in tiles.values())


def test_what_is_less_than_all_is_never_told_as_all():
    assert [percent(value) for value in (100.0, 99.97, 99.94, 0.04)] == ["100.0", "99.9", "99.9", "0.0"]


def test_changes_say_whether_they_are_well():
    before = Measures(
        attempts=100,
        requests=100,
        successes=90,
        fallbacks=1,
        rescues=1,
        latency=sketch.histogram([200.0] * 90),
    )

    changes = {name: tile.change for name, tile in by_name(DAY, before, []).items()}

    assert (changes["Requests"].word, changes["Requests"].is_up, changes["Requests"].tone) == (
        "100 %",
        True,
        "",
    )
    assert (changes["Answered"].word, changes["Answered"].tone) == ("9.0 points", "ok")
    assert (changes["Fallbacks"].word, changes["Fallbacks"].tone) == ("4.0 points", "warn")
    assert (changes["Latency p95"].is_up, changes["Latency p95"].tone) == (True, "warn")
    assert changes["Tokens"] is None


def test_many_times_as_much_is_a_factor_and_the_same_is_no_change():
    tenth = Measures(requests=10, successes=10)

    assert by_name(Measures(requests=500, successes=500), tenth, [])["Requests"].change.word == "50 ×"
    assert by_name(tenth, tenth, [])["Requests"].change.is_up is None


def test_of_nothing_nothing_is_made_up():
    tiles = by_name(NOTHING, NOTHING, [NOTHING] * 3)

    assert [tiles[name].value for name in ("Requests", "Answered", "Fallbacks", "Latency p95")] == [
        "0",
        "–",
        "–",
        "–",
    ]
    assert {tile.path for tile in tiles.values()} == {""}


def test_money_that_nobody_knows_is_unknown():
    tiles = by_name(Measures(attempts=3, requests=3, saved_unknown=3, cost_unknown=3), None, [])

    assert (tiles["Saved"].value, tiles["Saved"].detail) == ("–", "– spent")


def test_a_time_with_hardly_any_request_is_compared_with_nothing():
    assert by_name(DAY, Measures(requests=4, successes=4), [])["Requests"].change is None
