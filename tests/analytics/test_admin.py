import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from apps.analytics import admin as analytics_admin
from apps.analytics.admin import UsageEventAdmin
from apps.analytics.drain import _insert
from apps.analytics.models import UsageEventRow
from tests.analytics.examples import AT, ended

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> UsageEventAdmin:
    return UsageEventAdmin(UsageEventRow, admin.site)


def ask(**query: str):
    request = RequestFactory().get("/", query)
    request.user = User(is_staff=True, is_superuser=True, is_active=True)
    return request


def test_shows_the_newest_first(page: UsageEventAdmin):
    events = [ended(at=AT + offset) for offset in (0, 2, 1)]
    _insert(events, "default")

    shown = page.get_changelist_instance(ask()).result_list

    assert [row.id.hex for row in shown] == [events[1].id, events[2].id, events[0].id]


def test_never_counts_beyond_its_bound(page: UsageEventAdmin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(analytics_admin, "COUNTED_ROWS", 3)
    _insert([ended() for _ in range(5)], "default")

    with CaptureQueriesContext(connection) as queries:
        changelist = page.get_changelist_instance(ask())
        len(changelist.result_list)

    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert changelist.result_count == 3
    assert len(counts) == 1
    assert "LIMIT 3" in counts[0]


def test_search_takes_a_whole_request_id_only(page: UsageEventAdmin):
    _insert([ended(request_id="req_one"), ended(request_id="req_two")], "default")

    found = [
        [row.request_id for row in page.get_changelist_instance(ask(q=text)).result_list]
        for text in ("req_one", "req_", "%")
    ]

    assert found == [["req_one"], [], []]


def test_nothing_can_be_changed(page: UsageEventAdmin):
    request = ask()

    assert not page.has_add_permission(request)
    assert not page.has_change_permission(request)
    assert not page.has_delete_permission(request)
    assert page.has_view_permission(request)
