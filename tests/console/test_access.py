"""Every model's pages, asked by everybody: who may what, route by route."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from apps.clients import keys
from apps.clients.models import AdminToken, ClientKey
from apps.core.owned import OwnedAdmin
from apps.providers.models import Credential, Provider
from tests.console.conftest import allow, signed_in, usage_event

ACTIONS = {"changelist": "view", "add": "add", "change": "view", "delete": "delete", "history": "view"}
OWN = {
    "providers.credential": {"view", "change", "delete"},
    "clients.clientkey": {"view", "add", "change"},
    "analytics.usageeventrow": {"view"},
}
"""What users may with their own rows."""
NOBODY = {
    "analytics.usageeventrow": {"add", "delete"},
    "auditlog.logentry": {"add", "delete"},
    "gateway.appconfig": {"add", "delete"},
}
LISTS_OF_ONE = {"gateway.appconfig"}
"""Whose list leads to its row."""
ONLY_SUPERUSERS = {"clients.admintoken"}
LABELS = sorted(
    {
        *OWN,
        *NOBODY,
        *ONLY_SUPERUSERS,
        "auth.user",
        "auth.group",
        "providers.provider",
        "providers.providermodel",
        "strategies.strategy",
    }
)


def path(label, route, row):
    name = f"admin:{label.replace('.', '_')}_{route}"
    return reverse(name, args=[] if route in ("changelist", "add") else [row.pk])


def test_these_are_all_models_of_the_site():
    assert sorted(model._meta.label_lower for model in admin.site._registry) == LABELS


def test_all_pages_go_by_the_one_mechanism():
    assert admin.site._registry
    assert all(isinstance(pages, OwnedAdmin) for pages in admin.site._registry.values())


@pytest.mark.parametrize("label", LABELS)
class TestRoutes:
    def ask(self, user, label, rows):
        browser = signed_in(user)
        statuses = {route: browser.get(path(label, route, rows[label])).status_code for route in ACTIONS}
        if statuses["changelist"] == 302 and label in LISTS_OF_ONE:
            statuses["changelist"] = 200
        return statuses

    def test_nobody_is_sent_to_sign_in(self, client, rows, label):
        answers = [client.get(path(label, route, rows[label])) for route in ACTIONS]

        assert {answer.status_code for answer in answers} == {302}
        assert all(answer.url.startswith("/admin/login/") for answer in answers)

    def test_users_reach_what_is_theirs(self, alice, rows, label):
        own = OWN.get(label, ())

        assert self.ask(alice, label, rows) == {
            route: 200 if action in own else 403 for route, action in ACTIONS.items()
        }

    def test_another_users_row_is_not_there(self, bob, rows, label):
        own = OWN.get(label, ())
        expected = dict.fromkeys(ACTIONS, 404 if own else 403) | {
            route: 200 if ACTIONS[route] in own else 403 for route in ("changelist", "add")
        }

        assert self.ask(bob, label, rows) == expected

    def test_staff_without_permissions_are_users(self, staff, bob, rows, label):
        assert self.ask(staff, label, rows) == self.ask(bob, label, rows)

    def test_permissions_of_who_is_not_staff_are_none(self, bob, rows, label):
        before = self.ask(bob, label, rows)
        bob.user_permissions.set(Permission.objects.all())

        assert self.ask(User.objects.get(pk=bob.pk), label, rows) == before

    def test_staff_who_may_view_only_view(self, staff, rows, label):
        allow(staff, f"view_{label.partition('.')[2]}")
        may = {"view"} if label not in ONLY_SUPERUSERS else set()

        assert self.ask(staff, label, rows) == {
            route: 200 if action in may or (route == "add" and "add" in OWN.get(label, ())) else 403
            for route, action in ACTIONS.items()
        }

    def test_staff_with_all_permissions_and_superusers_do_all_that_can_be_done(
        self, staff, root, rows, label
    ):
        staff.user_permissions.set(Permission.objects.all())
        all_routes = {
            route: 403 if action in NOBODY.get(label, ()) else 200 for route, action in ACTIONS.items()
        }
        refused = dict.fromkeys(ACTIONS, 403)

        assert self.ask(root, label, rows) == all_routes
        assert self.ask(staff, label, rows) == (refused if label in ONLY_SUPERUSERS else all_routes)


def test_lists_hold_ones_own_rows_only(alice, bob, staff, rows):
    usage_event(bob, provider="of-bob")
    keys.issue(bob, "app of bob")
    paths = ("/admin/analytics/usageeventrow/", "/admin/clients/clientkey/")

    for user, texts in ((alice, ("acme", "app")), (staff, ())):
        for page, text in zip(paths, texts or ("", ""), strict=True):
            shown = signed_in(user).get(page).content.decode()
            assert text in shown
            assert "of-bob" not in shown and "of bob" not in shown


def test_forms_of_others_change_nothing(bob, staff, rows):
    allow(staff, "view_clientkey", "view_credential")
    key, credential = rows["clients.clientkey"], rows["providers.credential"]

    for user, refusal in ((bob, 404), (staff, 403)):
        browser = signed_in(user)
        assert browser.post(path("clients.clientkey", "change", key), {"name": "mine"}).status_code == refusal
        assert browser.post(path("providers.credential", "change", credential), {}).status_code == refusal
        assert (
            browser.post(path("providers.credential", "delete", credential), {"post": "yes"}).status_code
            == refusal
        )

    assert ClientKey.objects.get().name == "app"
    assert Credential.objects.exists()


def key_form(**fields):
    lists = dict.fromkeys(("allowed_models", "allowed_strategies", "allowed_endpoints"), "[]")
    limits = dict.fromkeys(("rpm_limit", "rpd_limit", "tpm_limit", "tpd_limit"), "0")
    return {"name": "new", "enabled": "on", "weight": "1.0", "data_use": "any", **lists, **limits, **fields}


def test_a_key_that_users_issue_is_their_own_whomever_they_name(alice, bob):
    signed_in(bob).post("/admin/clients/clientkey/add/", key_form(user=alice.pk))

    assert ClientKey.objects.get().user == bob


def test_a_credential_stays_with_its_user_and_its_provider(alice, root, rows):
    row = rows["providers.credential"]
    elsewhere = Provider.objects.create(name="elsewhere", base_url="http://elsewhere.test")
    form = {
        "user": root.pk,
        "provider": elsewhere.pk,
        "enabled": "on",
        "limits": "{}",
        "settings": "{}",
        "rpm_limit": "7",
    }

    for user in (alice, root):
        signed_in(user).post(path("providers.credential", "change", row), form)
    row.refresh_from_db()

    assert (row.user, row.provider.name, row.rpm_limit) == (alice, "acme", 7)


def test_actions_leave_the_rows_alone_that_one_only_sees(staff, rows):
    allow(staff, "view_clientkey")
    theirs, own = rows["clients.clientkey"], keys.issue(staff, "of staff").row

    signed_in(staff).post(
        "/admin/clients/clientkey/", {"action": "revoke", "_selected_action": [theirs.pk, own.pk]}
    )

    assert set(ClientKey.objects.exclude(revoked_at=None).values_list("pk", flat=True)) == {own.pk}


def test_staff_who_may_view_undo_no_edits(staff, rows):
    allow(staff, "view_provider")
    acme = rows["providers.provider"]
    acme.shipped, acme.weight = {"weight": 1.0}, 5.0
    acme.save()

    signed_in(staff).post(
        "/admin/providers/provider/", {"action": "reset_to_catalogue", "_selected_action": [acme.pk]}
    )

    acme.refresh_from_db()
    assert acme.weight == 5.0


def test_who_is_inactive_stays_out(client, alice):
    client.force_login(alice)
    alice.is_active = False
    alice.save()

    assert client.get("/admin/").status_code == 302


def test_users_sign_in_on_the_admins_page(client, alice):
    answer = client.post("/admin/login/", {"username": "alice", "password": "correct horse 47"})

    assert (answer.status_code, answer.url) == (302, "/admin/")


def test_a_token_is_for_superusers_alone(staff, rows):
    staff.user_permissions.set(Permission.objects.all())

    assert signed_in(staff).post("/admin/clients/admintoken/add/", {"name": "mine"}).status_code == 403
    assert AdminToken.objects.count() == 1


PAGES = {
    "dashboard": (True, True),
    "guide": (True, True),
    "analytics": (True, True),
    "analytics_csv": (True, True),
    "pool": (True, True),
    "add_key": (True, True),
    "profile": (True, True),
    "search": (True, True),
    "custom_provider": (False, True),
    "catalogue_review": (False, True),
}
"""Our own pages that name nobody's row: whether users reach them, and whether superusers do."""


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_our_own_are_open_to_whom_they_are_for(client, alice, root, acme, name):
    route = reverse(f"admin:{name}")
    for_users, for_superusers = PAGES[name]

    assert client.get(route).headers["location"].startswith("/admin/login/")
    assert signed_in(alice).get(route).status_code == (200 if for_users else 403)
    assert signed_in(root).get(route).status_code == (200 if for_superusers else 403)
