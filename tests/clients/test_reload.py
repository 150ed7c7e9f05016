"""The in-memory view follows the rows, reading only what changed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.clients import keys, last_used
from apps.clients.keys import InvalidKeyError, verify
from apps.clients.models import ClientKey
from apps.core import snapshot

NOW = 1_893_456_000.0


@pytest.fixture
def old(alice):
    """Keys of one, two and three hours ago. Nothing commits, so that nothing reloads without a poll."""
    issued = [keys.issue(alice, f"app {number}") for number in range(3)]
    for hours, key in enumerate(issued, start=1):
        ClientKey.objects.filter(pk=key.row.pk).update(updated_at=timezone.now() - timedelta(hours=hours))
    keys.CLIENTS.refresh()
    yield issued
    keys.CLIENTS.unload()


@pytest.fixture
def rows_read(db):
    """The queries so far that read keys into memory."""
    with CaptureQueriesContext(connection) as captured:
        yield lambda: [query["sql"] for query in captured.captured_queries if '"key_hash"' in query["sql"]]


def reason(raw):
    try:
        verify(raw, NOW)
    except InvalidKeyError as error:
        return error.reason
    return None


def test_an_edit_is_seen_and_the_other_principals_are_kept(old):
    kept = verify(old[2].raw, NOW)
    old[1].row.rpm_limit = 7
    old[1].row.save()

    snapshot.poll()

    assert verify(old[1].raw, NOW).rpm_limit == 7
    assert verify(old[2].raw, NOW) is kept


def test_one_edit_among_many_reads_one_query_of_recent_rows(old, rows_read):
    ClientKey.objects.filter(pk=old[1].row.pk).update(name="renamed", updated_at=timezone.now())
    snapshot.announce("clients")
    snapshot.poll()

    reads = [sql for sql in rows_read() if "updated_at" in sql.partition("WHERE")[2]]
    assert len(reads) == 1
    assert verify(old[1].raw, NOW).name == "renamed"


def test_a_new_key_is_seen_at_the_next_poll(old, alice):
    new = keys.issue(alice, "new")
    assert reason(new.raw) == "unknown"

    snapshot.poll()

    assert reason(new.raw) is None


def test_a_key_revoked_elsewhere_stops_at_the_next_poll(old):
    keys.revoke(old[2].row)
    assert reason(old[2].raw) is None

    snapshot.poll()

    assert reason(old[2].raw) == "revoked"


def test_a_deleted_key_is_unknown_after_the_next_poll(old):
    old[0].row.delete()

    snapshot.poll()

    assert [reason(issued.raw) for issued in old] == ["unknown", None, None]


def test_a_deletion_behind_a_new_key_is_seen(old, alice):
    old[0].row.delete()
    new = keys.issue(alice, "in its place")

    snapshot.poll()

    assert reason(old[0].raw) == "unknown"
    assert reason(new.raw) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"revoked_at": timezone.now()}, "revoked"), ({"enabled": False}, "disabled")],
)
def test_a_key_closed_by_a_host_whose_clock_is_behind_stops(old, change, expected):
    ClientKey.objects.filter(pk=old[0].row.pk).update(**change, updated_at=timezone.now() - timedelta(days=1))
    snapshot.announce("clients")

    snapshot.poll()

    assert reason(old[0].raw) == expected


def test_a_user_deactivated_in_bulk_and_announced_is_seen(old, alice):
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    snapshot.announce("clients")

    snapshot.poll()

    assert reason(old[0].raw) == "disabled"


def test_a_row_stamped_by_a_clock_that_is_ahead_does_not_hide_later_edits(old):
    ClientKey.objects.filter(pk=old[0].row.pk).update(updated_at=timezone.now() + timedelta(days=1))
    snapshot.announce("clients")
    snapshot.poll()
    old[1].row.name = "later"
    old[1].row.save()

    snapshot.poll()

    assert verify(old[1].raw, NOW).name == "later"


def test_a_row_that_committed_seconds_after_its_stamp_is_not_missed(old):
    slow_stamp = timezone.now() - timedelta(seconds=4)
    old[1].row.save()
    snapshot.poll()
    ClientKey.objects.filter(pk=old[0].row.pk).update(name="slow", updated_at=slow_stamp)
    snapshot.announce("clients")

    snapshot.poll()

    assert verify(old[0].raw, NOW).name == "slow"


def test_an_empty_table_reloads_as_well(db, alice):
    keys.CLIENTS.refresh()
    keys.CLIENTS.refresh()
    issued = keys.issue(alice, "first")

    snapshot.poll()

    assert reason(issued.raw) is None
    keys.CLIENTS.unload()


def test_usage_stamps_reload_nothing(old, rows_read):
    last_used.touch({old[0].row.pk: timezone.now()})
    before = len(rows_read())

    snapshot.poll()

    assert len(rows_read()) == before


def test_a_reader_never_sees_a_half_loaded_view(old):
    before = keys.CLIENTS.value
    ClientKey.objects.update(rpm_limit=F("rpm_limit") + 1, updated_at=timezone.now())
    snapshot.announce("clients")

    snapshot.poll()

    assert {record.rpm_limit for record in before.by_digest.values()} == {0}
    assert {record.rpm_limit for record in keys.CLIENTS.value.by_digest.values()} == {1}
