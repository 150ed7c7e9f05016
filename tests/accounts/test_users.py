"""`/api/users` and users in the admin site."""

import threading

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.analytics.models import UsageEventRow
from apps.clients import keys
from apps.clients.models import ClientKey
from apps.core.ids import uuid7
from tests.accounts.conftest import PASSWORD

URL = "/api/users"


def api_of(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def api(root):
    return api_of(root)


def allow(user, *codenames):
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def test_post_makes_a_user_who_can_sign_in_and_never_shows_the_password(api, browser):
    Group.objects.create(name="readers")
    sent = {
        "username": "carol",
        "email": "carol@example.com",
        "is_active": True,
        "is_staff": True,
        "is_superuser": False,
        "groups": ["readers"],
    }

    answer = api.post(URL, sent | {"password": PASSWORD})

    body = answer.json()
    assert answer.status_code == 201
    assert body == sent | {name: body[name] for name in ("id", "last_login", "date_joined")} | {
        "role": "user"
    }
    assert browser.sign_in("carol").status_code == 200
    assert api.get(f"{URL}/{body['id']}").json()["last_login"] is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "alice"}, "username"),
        ({"username": "ａlice"}, "username"),
        ({"username": "two words"}, "username"),
        ({"username": "right\u202eleft"}, "username"),
        ({"username": "nul\x00"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"password": None}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"username": "carolinesmith", "password": "carolinesmith1"}, "password"),
        ({"email": "nobody"}, "email"),
        ({"is_staff": "yes"}, "is_staff"),
        ({"groups": ["nowhere"]}, "groups"),
        ({"groups": "readers"}, "groups"),
        ({"groups": {}}, "groups"),
        ({"groups": {"readers": True}}, "groups"),
        ({"role": "admin"}, "role"),
        ({"id": 7}, "id"),
        ({"shoe_size": 43}, "shoe_size"),
    ],
)
def test_post_refuses_what_is_wrong_and_names_it(api, alice, body, field):
    given = {"username": "carol", "password": PASSWORD} | body if body else {"password": PASSWORD}

    answer = api.post(URL, given)

    assert (answer.status_code, list(answer.json()["detail"])) == (400, [field])
    assert User.objects.count() == 2


def test_list_is_paged_with_a_constant_number_of_queries(api, django_assert_num_queries):
    for number in range(5):
        User.objects.create(username=f"user {number}").groups.add(Group.objects.create(name=str(number)))

    with django_assert_num_queries(3):
        answer = api.get(URL, {"limit": "2", "offset": "1"})

    assert [row["username"] for row in answer.json()] == ["user 0", "user 1"]
    assert answer["X-Total-Count"] == "6"


def test_patch_changes_only_what_was_sent(api, alice):
    answer = api.patch(f"{URL}/{alice.pk}", {"is_staff": True})

    after = User.objects.get(pk=alice.pk)
    assert (answer.status_code, after.is_staff, after.email) == (200, True, alice.email)
    assert after.check_password(PASSWORD)


def test_patch_of_the_password_obeys_the_rules(api, alice):
    weak = api.patch(f"{URL}/{alice.pk}", {"password": "alice@example"})
    strong = api.patch(f"{URL}/{alice.pk}", {"password": "another horse 48"})

    assert (weak.status_code, list(weak.json()["detail"])) == (400, ["password"])
    assert strong.status_code == 200
    assert User.objects.get(pk=alice.pk).check_password("another horse 48")


@pytest.mark.parametrize("tail", ["999999", "0", "9" * 18, "9" * 19, "me", "%00"])
def test_no_such_user_is_not_found(api, tail):
    assert api.get(f"{URL}/{tail}").status_code == 404


def test_deleting_a_user_closes_their_keys_and_keeps_their_ledger(api, alice):
    issued = keys.issue(alice, "app")
    UsageEventRow.objects.create(id=uuid7(), at=timezone.now(), user_id=alice.pk)

    answer = api.delete(f"{URL}/{alice.pk}")

    assert answer.status_code == 204
    assert not ClientKey.objects.filter(pk=issued.row.pk).exists()
    assert UsageEventRow.objects.get().user_id == alice.pk


@pytest.mark.parametrize(
    ("method", "body", "field"),
    [
        ("patch", {"is_active": False}, "is_active"),
        ("patch", {"is_superuser": False}, "is_superuser"),
        ("delete", None, "id"),
    ],
)
def test_the_last_superuser_stays(api, root, method, body, field):
    User.objects.create_superuser("asleep", is_active=False)

    answer = getattr(api, method)(f"{URL}/{root.pk}", body)

    assert (answer.status_code, list(answer.json()["detail"])) == (400, [field])
    assert "last active superuser" in str(answer.json())
    root.refresh_from_db()
    assert root.is_active and root.is_superuser


@pytest.mark.django_db(transaction=True)
def test_two_that_demote_each_other_do_not_both_succeed():
    users = [User.objects.create_superuser(name) for name in ("one", "two")]
    statuses = []

    def demote(acting, other):
        answer = api_of(acting).patch(f"{URL}/{other.pk}", {"is_superuser": False})
        statuses.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in (users, users[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 400]
    assert User.objects.filter(is_superuser=True).count() == 1


def test_staff_do_what_their_permissions_say_and_no_more(staff, alice, root):
    api = api_of(allow(staff, "view_user", "change_user"))

    assert api.get(URL).status_code == 200
    assert api.patch(f"{URL}/{alice.pk}", {"email": "new@example.com"}).status_code == 200
    assert api.post(URL, {"username": "carol", "password": PASSWORD}).status_code == 403
    assert api.delete(f"{URL}/{alice.pk}").status_code == 403


@pytest.mark.parametrize("body", [{"is_superuser": True}, {"is_staff": True}, {"groups": ["readers"]}])
def test_staff_give_no_rights(staff, alice, body):
    Group.objects.create(name="readers")
    api = api_of(allow(staff, "change_user", "add_user"))

    assert api.patch(f"{URL}/{alice.pk}", body).status_code == 403
    assert api.post(URL, {"username": "carol", "password": PASSWORD} | body).status_code == 403


def test_staff_take_no_rights(staff, alice):
    alice.groups.add(Group.objects.create(name="readers"))
    api = api_of(allow(staff, "change_user"))

    assert api.patch(f"{URL}/{alice.pk}", {"groups": []}).status_code == 403
    assert alice.groups.exists()


def test_staff_may_send_back_the_rights_that_they_were_shown(staff, alice):
    alice.groups.add(Group.objects.create(name="readers"), Group.objects.create(name="writers"))
    api = api_of(allow(staff, "view_user", "change_user", "add_user"))
    shown = api.get(f"{URL}/{alice.pk}").json()

    changed = api.patch(
        f"{URL}/{alice.pk}", shown | {"email": "alice@example.org", "groups": shown["groups"][::-1]}
    )
    made = api.post(URL, {"username": "carol", "password": PASSWORD, "is_staff": False, "groups": []})

    assert (changed.status_code, changed.json()["email"]) == (200, "alice@example.org")
    assert made.status_code == 201


def test_staff_do_not_take_over_staff_or_superusers(staff, root):
    other = User.objects.create_user("other", is_staff=True)
    api = api_of(allow(staff, "change_user", "delete_user"))

    for target in (root, other, staff):
        assert api.patch(f"{URL}/{target.pk}", {"password": "another horse 48"}).status_code == 403
        assert api.delete(f"{URL}/{target.pk}").status_code == 403


def test_permissions_without_staff_are_none(alice):
    assert api_of(allow(alice, "view_user")).get(URL).status_code == 403


# --- the admin site -------------------------------------------------------------------------------------------------------


def form_of(client, user):
    page = client.get(f"/admin/auth/user/{user.pk}/change/")
    initial = page.context["adminform"].form.initial
    kept = {name: value for name, value in initial.items() if isinstance(value, str | bool) and value}
    return {name: "on" if value is True else value for name, value in kept.items()} | {
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }


@pytest.mark.parametrize("field", ["is_active", "is_superuser"])
def test_the_admin_site_keeps_the_last_superuser(admin_client, admin_user, field):
    form = form_of(admin_client, admin_user)
    del form[field]

    page = admin_client.post(f"/admin/auth/user/{admin_user.pk}/change/", form)

    assert page.status_code == 200
    assert "last active superuser" in page.content.decode()


def test_the_admin_site_deletes_superusers_but_the_last(admin_client, admin_user, root):
    both = {"action": "delete_selected", "_selected_action": [admin_user.pk, root.pk], "post": "yes"}
    refused = admin_client.post("/admin/auth/user/", both)
    answer = admin_client.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"})
    last = admin_client.post(f"/admin/auth/user/{admin_user.pk}/delete/", {"post": "yes"})

    assert "last active superuser" in refused.content.decode()
    assert answer.status_code == 302
    assert "last active superuser" in last.content.decode()
    assert list(User.objects.values_list("username", flat=True)) == [admin_user.username]


def test_staff_in_the_admin_site_give_no_rights_and_touch_no_superuser(client, staff, alice, root):
    client.force_login(allow(staff, "view_user", "change_user"))

    client.post(f"/admin/auth/user/{alice.pk}/change/", form_of(client, alice) | {"is_superuser": "on"})
    alice.refresh_from_db()

    assert not alice.is_superuser
    assert client.post(f"/admin/auth/user/{root.pk}/change/", {}).status_code == 403
    assert client.get(f"/admin/auth/user/{root.pk}/password/").status_code == 403


class TestGroups:
    """A group's permissions are its members' rights: who could change them could give themselves any."""

    @pytest.fixture
    def group(self, staff):
        group = Group.objects.create(name="readers")
        staff.groups.add(group)
        return group

    def test_staff_give_their_own_group_no_rights(self, client, staff, group):
        client.force_login(allow(staff, "view_group", "change_group"))
        everything = [Permission.objects.get(codename="change_provider").pk]

        client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "readers", "permissions": everything})

        assert not group.permissions.exists()

    def test_staff_do_not_give_it_the_name_by_which_single_sign_on_finds_its_members(
        self, client, staff, group
    ):
        client.force_login(allow(staff, "view_group", "change_group"))

        client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "everybody"})

        assert Group.objects.get().name == "readers"

    def test_groups_that_staff_make_may_nothing(self, client, staff):
        client.force_login(allow(staff, "add_group"))
        everything = [Permission.objects.get(codename="change_provider").pk]

        client.post("/admin/auth/group/add/", {"name": "mine", "permissions": everything})

        assert not Group.objects.get(name="mine").permissions.exists()

    def test_superusers_say_what_groups_may(self, client, root, group):
        client.force_login(root)
        right = Permission.objects.get(codename="view_user")

        client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "watchers", "permissions": [right.pk]})

        group.refresh_from_db()
        assert (group.name, list(group.permissions.all())) == ("watchers", [right])


@pytest.mark.parametrize("name", ["Alice", "ALICE", "ａlice", "\u3164", "al\u115fce"])
def test_nobody_gets_a_name_that_is_mistaken_for_another(api, client, root, alice, name):
    other = User.objects.create_user("bob", password=PASSWORD)

    assert list(api.patch(f"{URL}/{other.pk}", {"username": name}).json()["detail"]) == ["username"]
    assert list(api.post(URL, {"username": name, "password": PASSWORD}).json()["detail"]) == ["username"]
    client.force_login(root)
    page = client.post(f"/admin/auth/user/{other.pk}/change/", form_of(client, other) | {"username": name})
    assert "username" in page.context["adminform"].form.errors
    passwords = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    page = client.post("/admin/auth/user/add/", {"username": name, **passwords})
    assert "username" in page.context["adminform"].form.errors


def test_a_user_may_change_the_case_of_their_name(api, alice):
    assert api.patch(f"{URL}/{alice.pk}", {"username": "Alice"}).json()["username"] == "Alice"


@pytest.mark.parametrize("name", ["right\u202eleft", "\u3164", "bell\x07"])
def test_groups_have_names_that_can_be_read(client, root, name):
    client.force_login(root)

    page = client.post("/admin/auth/group/add/", {"name": name})

    assert "name" in page.context["adminform"].form.errors
