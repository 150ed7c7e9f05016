"""Issuing, revoking and checking client keys."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.utils import timezone

from apps.clients import keys, last_used
from apps.clients.keys import InvalidKeyError, verify
from apps.clients.models import ClientKey
from apps.core.models import SnapshotVersion
from apps.core.redaction import scrub
from apps.core.snapshot import NotLoadedError

NOW = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


def refusal(raw, now=NOW):
    with pytest.raises(InvalidKeyError) as caught:
        verify(raw, now)
    return caught.value.reason


def version():
    return SnapshotVersion.objects.get(section="clients").version


@pytest.fixture
def issued(alice, loaded, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        return keys.issue(alice, "my-app", rpm_limit=60, allowed_models=["freeai-fast"])


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Run what happens at commit, in a test that never commits."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_key_is_fai_and_43_url_safe_characters_and_never_the_same():
    made = {keys.generate() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch(r"fai_[A-Za-z0-9_-]{43}", key) for key in made)


def test_only_hash_and_preview_are_stored(issued):
    row = ClientKey.objects.values().get()

    assert issued.raw not in repr(row)
    assert row["key_hash"] == keys.digest(issued.raw).hex()
    assert row["key_preview"] == f"fai_***{issued.raw[-3:]}"


def test_a_valid_key_gives_its_principal(issued, alice):
    principal = verify(issued.raw, NOW)

    assert (principal.client_id, principal.user_id, principal.username) == (issued.row.pk, alice.pk, "alice")
    assert (principal.name, principal.rpm_limit, principal.is_admin) == ("my-app", 60, False)
    assert principal.allowed_models == {"freeai-fast"}
    assert principal.allowed_strategies == frozenset()
    (window,) = principal.windows
    assert window.key == f"{issued.row.user_id}:client:{issued.row.pk}#requests/minute"
    assert (window.metric, window.limit, window.kind) == ("requests", 60, "rolling")


def test_an_unlimited_key_has_no_window(alice, loaded, committed):
    with committed():
        issued = keys.issue(alice, "free")

    assert verify(issued.raw, NOW).windows == ()


def test_a_superusers_key_is_an_admins(root, loaded, committed):
    with committed():
        issued = keys.issue(root, "ops")

    assert verify(issued.raw, NOW).is_admin


def test_the_principal_is_the_same_object_at_every_request(issued):
    assert verify(issued.raw, NOW) is verify(issued.raw, NOW)


@pytest.mark.parametrize(
    "raw",
    [
        "Bearer fai_x",
        "fai_",
        "fai_" + "a" * 42,
        "fai_" + "a" * 44,
        "FAI_" + "a" * 43,
        "' OR 1=1 --",
        "fai_" + "é" * 43,
        "fai_" + "\udcff" * 43,
        "fai_" + "a" * 10_240,
        "\x00",
    ],
)
def test_what_cannot_be_a_key_is_malformed(loaded, raw):
    assert refusal(raw) == "malformed"


@pytest.mark.parametrize(
    "raw", ["fai_" + "a" * 43, "fai_" + "\x00" * 43, "fai_" + "' OR '1'='1' -- ".ljust(43, "%")]
)
def test_what_has_the_form_of_a_key_but_is_none_is_unknown(issued, raw):
    assert refusal(raw) == "unknown"


def test_an_empty_key_is_missing(loaded):
    assert refusal("") == "missing"


def test_one_changed_character_anywhere_is_unknown(issued):
    for position in range(4, keys.KEY_LENGTH):
        other = "A" if issued.raw[position] != "A" else "B"

        assert refusal(issued.raw[:position] + other + issued.raw[position + 1 :]) == "unknown"


def test_two_keys_with_the_same_first_20_characters_are_two(alice, bob, loaded, committed, monkeypatch):
    same = "fai_" + "Z" * 16
    made = iter([same + "1" * 27, same + "2" * 27])
    monkeypatch.setattr(keys, "generate", lambda: next(made))

    with committed():
        of_alice, of_bob = keys.issue(alice, "one"), keys.issue(bob, "two")

    assert verify(of_alice.raw, NOW).username == "alice"
    assert verify(of_bob.raw, NOW).username == "bob"
    assert refusal(same + "3" * 27) == "unknown"


def test_a_key_opens_until_the_second_it_expires(alice, loaded, committed):
    end = datetime(2031, 5, 1, tzinfo=UTC)
    with committed():
        issued = keys.issue(alice, "trial", expires_at=end)

    assert verify(issued.raw, end.timestamp() - 1).name == "trial"
    assert refusal(issued.raw, end.timestamp()) == "expired"


def test_a_revoked_key_stops_at_once_in_its_own_process(issued, committed):
    with committed():
        assert keys.revoke(issued.row) is True

    assert refusal(issued.raw) == "revoked"


def test_a_rolled_back_revocation_does_not_stop_a_key(issued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=False):
        keys.revoke(issued.row)

    assert verify(issued.raw, NOW).name == "my-app"


def test_only_one_of_two_revocations_wins_and_the_first_time_stays(issued):
    first, second = ClientKey.objects.get(), ClientKey.objects.get()

    assert keys.revoke(first) is True
    before = version()

    assert keys.revoke(second) is False
    assert ClientKey.objects.get().revoked_at == first.revoked_at
    assert version() == before


def test_revoking_a_deleted_key_is_false(issued):
    row = ClientKey.objects.get()
    ClientKey.objects.all().delete()

    assert keys.revoke(row) is False


def test_a_disabled_key_is_disabled_and_can_come_back(issued, committed):
    with committed():
        issued.row.enabled = False
        issued.row.save()
    assert refusal(issued.raw) == "disabled"

    with committed():
        issued.row.enabled = True
        issued.row.save()
    assert verify(issued.raw, NOW).name == "my-app"


def test_revoked_is_said_before_disabled(issued, committed):
    with committed():
        issued.row.enabled = False
        issued.row.save()
        keys.revoke(issued.row)

    assert refusal(issued.raw) == "revoked"


def test_keys_of_a_deactivated_user_do_not_open(issued, alice, committed):
    with committed():
        alice.is_active = False
        alice.save()

    assert refusal(issued.raw) == "disabled"


def test_a_user_made_superuser_is_an_admin_for_their_keys(issued, alice, committed):
    with committed():
        alice.is_superuser = True
        alice.save(update_fields=["is_superuser"])

    assert verify(issued.raw, NOW).is_admin


def test_keys_of_a_deleted_user_are_unknown(issued, alice, committed):
    with committed():
        alice.delete()

    assert refusal(issued.raw) == "unknown"


def test_a_login_reloads_nothing(issued, alice):
    before = version()

    alice.last_login = timezone.now()
    alice.save(update_fields=["last_login"])

    assert version() == before


def test_touch_moves_last_used_forward_only_and_reloads_nothing(alice, loaded):
    rows = [keys.issue(alice, f"app {number}").row for number in range(last_used.TOUCH_BATCH + 1)]
    before, stamps = version(), dict(ClientKey.objects.values_list("pk", "updated_at"))
    late = datetime(2030, 1, 1, 12, tzinfo=UTC)

    last_used.touch({row.pk: late for row in rows})
    last_used.touch({rows[0].pk: late - timedelta(hours=1), rows[1].pk: late + timedelta(hours=1), -1: late})

    used = dict(ClientKey.objects.values_list("pk", "last_used_at"))
    assert used == {row.pk: late for row in rows} | {rows[1].pk: late + timedelta(hours=1)}
    assert version() == before
    assert dict(ClientKey.objects.values_list("pk", "updated_at")) == stamps


def test_a_key_in_use_is_written_once_a_minute(alice, django_assert_num_queries):
    row = keys.issue(alice, "app").row
    noted, at = last_used.LastUsed(), datetime(2030, 1, 1, 12, tzinfo=UTC)
    noted.note({row.pk: at})

    with django_assert_num_queries(0):
        for second in range(60):
            noted.note({row.pk: at + timedelta(seconds=second)})
    noted.note({row.pk: at + timedelta(seconds=60)})

    assert ClientKey.objects.get().last_used_at == at + timedelta(seconds=60)


def test_touch_of_nothing_asks_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        last_used.touch({})


def test_the_check_asks_the_database_nothing(issued, django_assert_num_queries):
    with django_assert_num_queries(0):
        verify(issued.raw, NOW)


def test_before_the_first_load_the_fault_is_not_the_keys(db):
    keys.CLIENTS.unload()

    with pytest.raises(NotLoadedError):
        verify("fai_" + "a" * 43, NOW)


def test_no_representation_holds_a_raw_key(issued):
    principal = verify(issued.raw, NOW)
    try:
        verify(issued.raw[:-1] + "!", NOW)
    except InvalidKeyError as error:
        refused = error

    shown = f"{issued!r} {issued} {issued.row!r} {principal!r} {refused!r} {refused} {keys.CLIENTS.value!r}"

    assert issued.raw not in shown
    assert issued.raw[4:24] not in shown
    assert issued.raw.encode() not in msgspec.json.encode(principal)


def test_raw_keys_are_scrubbed_from_logged_text(issued):
    assert issued.raw[4:24] not in scrub(f"refused {issued.raw} at the door")
