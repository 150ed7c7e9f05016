"""Pages of usage events: complete, in order, and along an index however many there are."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.analytics import selection as selections
from apps.analytics.events import UsageEvent
from apps.analytics.models import UsageEventRow
from apps.analytics.selection import Page, Selection, page
from apps.analytics.upsert import upsert
from apps.core.ids import least_at
from tests.analytics.conftest import Ledger
from tests.analytics.examples import AT, ended, refused


def event(number: int, **fields) -> UsageEvent:
    """The event of a second: the greater its number, the later it is."""
    at = AT + number
    identity = UUID(int=least_at(at).int | 7 << 76 | 2 << 62 | number)
    return ended(id=identity.hex, at=at, **fields)


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def pages(ledger: Ledger, selection: Selection, limit: int) -> list[Page]:
    """All of them."""
    found = [page(selection, limit, using=ledger.alias)]
    while (older_than := found[-1].older_than) is not None:
        found.append(page(selection, limit, older_than=older_than, using=ledger.alias))
        assert len(found) < 1000
    return found


def ids(found: list[Page]) -> list[str]:
    return [row.id.hex for each in found for row in each.rows]


def test_pages_have_every_event_once_newest_first(ledger: Ledger):
    events = [event(number) for number in range(25)]
    upsert(events, ledger.alias)

    found = pages(ledger, Selection(), 10)

    assert [len(each.rows) for each in found] == [10, 10, 5]
    assert ids(found) == [each.id for each in reversed(events)]


def test_what_comes_in_between_moves_no_page(ledger: Ledger):
    upsert([event(number) for number in range(20)], ledger.alias)
    first = page(Selection(), 10, using=ledger.alias)
    upsert([event(number) for number in range(20, 40)], ledger.alias)

    second = page(Selection(), 10, older_than=first.older_than, using=ledger.alias)

    assert [row.at for row in second.rows] == [moment(AT + number) for number in range(9, -1, -1)]


def test_a_user_sees_their_own(ledger: Ledger):
    upsert([event(number, user_id=number % 3) for number in range(9)], ledger.alias)

    found = pages(ledger, Selection(user_id=1), 2)

    assert {row.user_id for each in found for row in each.rows} == {1}
    assert len(ids(found)) == 3


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Selection(since=moment(AT + 3)), [3, 4, 5]),
        (Selection(until=moment(AT + 3)), [0, 1, 2]),
        (Selection(since=moment(AT + 1), until=moment(AT + 4)), [1, 2, 3]),
        (Selection(values={"provider": ("groq",)}), [0, 2, 4]),
        (Selection(values={"provider": ("groq", "gemini")}), [0, 2, 4, 5]),
        (Selection(values={"provider": ("",)}), [3]),
        (Selection(values={"outcome": ("refused",)}), [3]),
        (Selection(values={"model": ("m1",), "provider": ("mistral",)}), [1]),
        (Selection(values={"strategy": ("fastest",), "endpoint": ("embeddings",)}), [5]),
        (Selection(values={"error_kind": ("rate_limited",)}), [1]),
        (Selection(client_ids=(7,)), [2, 4]),
        (Selection(client_ids=()), []),
        (Selection(request_id="req_4"), [4]),
        (Selection(request_id="req_%"), []),
    ],
    ids=repr,
)
def test_filters_choose(ledger: Ledger, chosen: Selection, expected: list[int]):
    events = [
        event(0, provider="groq", model="m0"),
        event(1, provider="mistral", model="m1", outcome="error", error_kind="rate_limited"),
        event(2, provider="groq", model="m1", client_id=7),
        refused(id=event(3).id, at=AT + 3, error_kind="quota_exhausted"),
        event(4, provider="groq", client_id=7, request_id="req_4"),
        event(5, provider="gemini", strategy="fastest", endpoint="embeddings"),
    ]
    upsert(events, ledger.alias)

    assert ids(pages(ledger, chosen, 2)) == [events[number].id for number in reversed(expected)]


def test_an_id_that_is_some_minutes_off_its_time_is_found(ledger: Ledger):
    late = ended(id=event(0).id, at=AT + 200)
    early = ended(id=event(1).id, at=AT - 200)
    upsert([late, early], ledger.alias)

    found = pages(ledger, Selection(since=moment(AT + 199), until=moment(AT + 201)), 10)

    assert ids(found) == [late.id]


def test_a_filter_that_hardly_anything_meets_looks_at_so_many_events_a_page(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(selections, "SCAN", 10)
    events = [event(number, provider="rare" if number in (3, 30) else "groq") for number in range(35)]
    upsert(events, ledger.alias)

    found = pages(ledger, Selection(values={"provider": ("rare",)}), 5)

    assert [[row.at for row in each.rows] for each in found] == [
        [moment(AT + 30)],
        [],
        [],
        [moment(AT + 3)],
    ]


@settings(max_examples=15)
@given(
    matching=st.lists(st.booleans(), max_size=40),
    scan=st.integers(2, 45),
    limit=st.integers(1, 45),
)
def test_whatever_is_looked_at_a_page_nothing_is_missed_and_nothing_comes_twice(
    ledger: Ledger, matching: list[bool], scan: int, limit: int
):
    UsageEventRow.objects.using(ledger.alias).all().delete()
    events = [event(number, provider="yes" if meets else "no") for number, meets in enumerate(matching)]
    upsert(events, ledger.alias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selections, "SCAN", scan)

        found = ids(pages(ledger, Selection(values={"provider": ("yes",)}), limit))

    assert found == [each.id for each in reversed(events) if each.provider == "yes"]


def test_at_most_two_queries_a_page(ledger: Ledger):
    upsert([event(number) for number in range(30)], ledger.alias)
    connection = connections[ledger.alias]
    connection.force_debug_cursor = True
    connection.queries_log.clear()

    page(Selection(user_id=1, values={"provider": ("groq",)}), 10, using=ledger.alias)

    assert len(connection.queries_log) == 2


@pytest.fixture
def full(ledger: Ledger) -> Ledger:
    """20,000 events of a hundred users."""
    upsert(
        [
            event(number, user_id=number % 100, request_id=f"req_{number % 5000}", provider="groq")
            for number in range(20_000)
        ],
        ledger.alias,
    )
    with connections[ledger.alias].cursor() as cursor:
        cursor.execute("ANALYZE usage_events")
    return ledger


def test_every_page_is_read_along_an_index(full: Ledger):
    for chosen, index in (
        (Selection(), "ids"),
        (Selection(user_id=7), "usage_events_by_user"),
        (Selection(user_id=7, values={"provider": ("mistral",)}), "usage_events_by_user"),
        (Selection(since=moment(AT + 9000), until=moment(AT + 9100)), "ids or times"),
        (Selection(request_id="req_77"), "usage_events_request"),
    ):
        rows = chosen.along_an_index(full.alias).order_by("-id")
        for queryset in (
            chosen.only(rows)[:101],
            rows.values_list("id", flat=True)[19_998:20_000],
            chosen.only(rows.filter(id__lt=event(15_000).id))[:101],
        ):
            plan = queryset.explain()
            assert _names(index, plan), (chosen, plan)
            assert "Seq Scan" not in plan.replace("Seq Scan on usage_events_default", "an empty table")
            assert "TEMP B-TREE" not in plan or chosen.request_id, plan
            assert not any(
                line.split()[1:2] == ["SCAN"] and "USING" not in line for line in plan.splitlines()
            )


IDS = ("usage_events_pkey", "sqlite_autoindex_usage_events_1")


def _names(index: str, plan: str) -> bool:
    ways = {"ids": IDS, "ids or times": (*IDS, "usage_events_at")}
    return any(name in plan for name in ways.get(index, (index,)))
