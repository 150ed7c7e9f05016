import pytest

from apps.core.state.periods import UNITS, Length, PeriodError, parse, seconds


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_a_period(unit: str) -> None:
    assert (parse(unit).unit, parse(unit).count) == (unit, 1)


@pytest.mark.parametrize(
    ("period", "length"),
    [
        ("90second", Length("second", 90, 90)),
        ("5hour", Length("hour", 5, 18_000)),
        ("24hour", Length("hour", 24, 86_400)),  # a fixed day of a zone is not always that long
        ("2week", Length("week", 2, 1_209_600)),
        ("366day", Length("day", 366, 31_622_400)),
    ],
)
def test_a_number_and_a_unit_is_a_period(period: str, length: Length) -> None:
    assert parse(period) == length
    assert seconds(period) == length.seconds


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("", "no length"),
        ("fortnight", "no length"),
        ("days", "no length"),
        ("5 hour", "no length"),
        ("-1day", "no length"),
        ("1.5hour", "no length"),
        ("٣day", "no length"),
        ("1hour", "is written 'hour'"),
        ("05hour", "is written '5hour'"),
        ("60second", "is written 'minute'"),
        ("3600second", "is written 'hour'"),
        ("5400second", "is written '90minute'"),
        ("0day", "is not between"),
        ("367day", "is not between"),
        ("999999999month", "is not between"),
    ],
)
def test_every_length_has_one_word(word: str, said: str) -> None:
    with pytest.raises(PeriodError, match=said):
        parse(word)
