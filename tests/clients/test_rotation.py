"""A key's new secret, and the time in which the old one opens beside it."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from apps.clients import keys, rotation
from apps.clients.keys import InvalidKeyError, verify
from apps.clients.models import ClientKey
from apps.core import snapshot

URL = "/api/clients"


@pytest.fixture
def issued(alice, loaded, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        return keys.issue(alice, "app", rpm_limit=5, allowed_models=["freeai-fast"])


@pytest.fixture
def rotate(api, alice, django_capture_on_commit_callbacks):
    api.force_authenticate(alice)

    def rotate(row, body):
        with django_capture_on_commit_callbacks(execute=True):
            return api.post(f"{URL}/{row.key_hash}/rotate", body)

    return rotate


def reason(raw, now):
    with pytest.raises(InvalidKeyError) as caught:
        verify(raw, now)
    return caught.value.reason


def test_the_new_key_opens_at_once_and_the_old_one_until_the_grace_ends(issued, rotate):
    now = time.time()

    answer = rotate(issued.row, {"grace_s": 60})

    body = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert body["key_hash"] == keys.digest(body["api_key"]).hex() != issued.row.key_hash
    assert (body["name"], body["rpm_limit"], body["allowed_models"]) == ("app", 5, ["freeai-fast"])
    assert abs(datetime.fromisoformat(body["previous_until"]).timestamp() - now - 60) < 5
    new, old = verify(body["api_key"], now + 1000), verify(issued.raw, now + 30)
    assert new.client_id == old.client_id == issued.row.pk
    assert new.windows == old.windows != ()
    assert reason(issued.raw, now + 66) == "replaced"


def test_without_grace_the_old_key_stops_at_once(issued, rotate):
    rotate(issued.row, {"grace_s": 0})

    assert reason(issued.raw, time.time()) == "replaced"


def test_another_process_follows_at_its_next_poll(issued, alice):
    rotated = rotation.rotate(issued.row, 60)
    assert rotated is not None
    again = rotation.rotate(rotated.row, 60)
    assert again is not None
    assert verify(issued.raw, time.time()).client_id == issued.row.pk

    snapshot.poll()

    now = time.time()
    assert verify(again.raw, now).client_id == verify(rotated.raw, now).client_id == issued.row.pk
    assert reason(issued.raw, now) == "unknown"


def test_a_second_rotation_closes_the_key_of_before_the_first(issued, rotate):
    first = rotate(issued.row, {"grace_s": 3600}).json()
    second = rotate(ClientKey.objects.get(), {"grace_s": 3600}).json()

    now = time.time()
    assert {verify(body["api_key"], now).client_id for body in (first, second)} == {issued.row.pk}
    assert reason(issued.raw, now) == "unknown"


def test_a_change_in_the_time_of_grace_holds_for_both(
    issued, rotate, api, django_capture_on_commit_callbacks
):
    body = rotate(issued.row, {"grace_s": 3600}).json()
    with django_capture_on_commit_callbacks(execute=True):
        api.patch(f"{URL}/{body['key_hash']}", {"rpm_limit": 1})

    now = time.time()
    assert verify(body["api_key"], now).rpm_limit == verify(issued.raw, now).rpm_limit == 1


def test_revoking_closes_both(issued, rotate, django_capture_on_commit_callbacks):
    body = rotate(issued.row, {"grace_s": 3600}).json()
    with django_capture_on_commit_callbacks(execute=True):
        keys.revoke(ClientKey.objects.get())

    assert reason(body["api_key"], time.time()) == reason(issued.raw, time.time()) == "revoked"


def test_grace_is_not_longer_than_the_key(issued, rotate, django_capture_on_commit_callbacks):
    end = datetime.now(UTC) + timedelta(seconds=50)
    with django_capture_on_commit_callbacks(execute=True):
        issued.row.expires_at = end
        issued.row.save()
    body = rotate(issued.row, {"grace_s": 3600}).json()

    assert reason(issued.raw, end.timestamp()) == "replaced"
    assert reason(body["api_key"], end.timestamp()) == "expired"


def test_of_two_rotations_at_once_one_is_told_that_it_is_late(issued):
    late = ClientKey.objects.get()

    assert rotation.rotate(issued.row, 60) is not None
    assert rotation.rotate(late, 60) is None


def test_a_revoked_key_is_not_rotated(issued, rotate):
    keys.revoke(issued.row)

    assert rotate(issued.row, {"grace_s": 60}).status_code == 404
    assert rotation.rotate(issued.row, 60) is None


@pytest.mark.parametrize(
    "body", [{}, {"grace_s": -1}, {"grace_s": "60"}, {"grace_s": 2_592_001}, {"grace_s": None}]
)
def test_a_grace_must_be_said(issued, rotate, body):
    answer = rotate(issued.row, body)

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == ["grace_s"]
    assert ClientKey.objects.get().key_hash == issued.row.key_hash


def test_rotated_keys_need_no_whole_reload(issued, rotate, django_assert_max_num_queries):
    rotate(issued.row, {"grace_s": 60})

    with django_assert_max_num_queries(3):  # versions, changed rows, tally
        keys.CLIENTS.refresh()


class TestFormerHash:
    """Who revokes what leaked knows the hash of what leaked."""

    def test_it_names_the_key_while_the_old_secret_opens(self, issued, rotate, api):
        former = issued.row.key_hash
        rotated = rotate(issued.row, {"grace_s": 60}).json()

        shown, changed = api.get(f"{URL}/{former}"), api.patch(f"{URL}/{former}", {"rpm_limit": 9})

        assert (shown.status_code, shown.json()["key_hash"]) == (200, rotated["key_hash"])
        assert (changed.status_code, changed.json()["rpm_limit"]) == (200, 9)

    def test_revoking_by_it_closes_both_secrets(
        self, issued, rotate, api, django_capture_on_commit_callbacks
    ):
        former = issued.row.key_hash
        fresh = rotate(issued.row, {"grace_s": 60}).json()["api_key"]

        with django_capture_on_commit_callbacks(execute=True):
            answer = api.delete(f"{URL}/{former}")

        assert answer.status_code == 204
        assert {reason(raw, time.time()) for raw in (issued.raw, fresh)} == {"revoked"}

    def test_it_names_nothing_once_the_grace_is_over(self, issued, rotate, api):
        former = issued.row.key_hash
        rotate(issued.row, {"grace_s": 0})

        assert [api.get(f"{URL}/{former}").status_code, api.delete(f"{URL}/{former}").status_code] == [
            404,
            404,
        ]

    def test_it_rotates_nothing_and_is_nobody_elses(self, issued, rotate, api, bob):
        former = issued.row.key_hash
        rotate(issued.row, {"grace_s": 60})

        assert api.post(f"{URL}/{former}/rotate", {"grace_s": 0}).status_code == 404
        api.force_authenticate(bob)
        assert api.delete(f"{URL}/{former}").status_code == 404
