"""The commands for keys and tokens: output, exit codes."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.clients import keys, rotation, tokens
from apps.clients.models import AdminToken, ClientKey


def run(*args):
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def exit_code(*args):
    with pytest.raises(CommandError) as caught:
        run(*args)
    return caught.value.returncode


@pytest.mark.parametrize("command", ["issue_client_key", "revoke_client_key", "create_admin_token"])
def test_help_tells_the_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as caught:
        call_command(command, "--help")

    assert caught.value.code == 0
    assert "Exit codes:" in capsys.readouterr().out


def test_issue_prints_the_bare_key_of_the_first_superuser(root):
    raw = run("issue_client_key", "--name", "laptop").strip()

    row = ClientKey.objects.get()
    assert re.fullmatch(r"fai_[A-Za-z0-9_-]{43}", raw)
    assert (row.key_hash, row.user, row.name, row.rpm_limit) == (keys.digest(raw).hex(), root, "laptop", 0)


def test_issue_with_every_option_as_json(alice):
    limits = ("--rpm", "30", "--rpd", "900", "--tpm", "20000", "--tpd", "500000", "--weight", "2.5")
    rights = ("--allow-model", "freeai-fast", "--allow-model", "freeai-code", "--allow-strategy", "fastest")
    use = ("--allow-endpoint", "chat", "--data-use", "no_training", "--expires-days", "7")
    output = run("issue_client_key", "--name", "ci", "--user", "alice", *limits, *rights, *use, "--json")

    facts, row = json.loads(output), ClientKey.objects.get()
    assert row.expires_at is not None
    assert facts == {
        "name": "ci",
        "api_key": facts["api_key"],
        "key_hash": row.key_hash,
        "rpm_limit": 30,
        "rpd_limit": 900,
        "tpm_limit": 20_000,
        "tpd_limit": 500_000,
        "weight": 2.5,
        "data_use": "no_training",
        "allowed_models": ["freeai-fast", "freeai-code"],
        "allowed_strategies": ["fastest"],
        "allowed_endpoints": ["chat"],
        "expires_at": row.expires_at.isoformat(),
        "user": "alice",
    }
    assert {
        name: getattr(row, name) for name in facts.keys() & {"rpd_limit", "tpd_limit", "allowed_models"}
    } == {
        "rpd_limit": 900,
        "tpd_limit": 500_000,
        "allowed_models": ["freeai-fast", "freeai-code"],
    }
    assert abs(row.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)


@pytest.mark.parametrize("flag", ["--allow-model", "--allow-strategy", "--allow-endpoint"])
def test_issue_of_what_there_is_not_ends_with_4(root, flag):
    assert exit_code("issue_client_key", "--name", "a", flag, "no-such-thing") == 4
    assert not ClientKey.objects.exists()


def test_issue_without_the_user_ends_with_3(alice):
    assert exit_code("issue_client_key", "--name", "a", "--user", "nobody") == 3
    assert exit_code("issue_client_key", "--name", "a") == 3


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--name", " "),
        ("--name", "x" * 81),
        ("--name", "a", "--rpm=-1"),
        ("--name", "a", "--rpm=many"),
        ("--name", "a\u202eb"),
        ("--name", "a", "--tpd=2000000001"),
        ("--name", "a", "--weight=0"),
        ("--name", "a", "--weight=nan"),
        ("--name", "a", "--data-use=some"),
        ("--name", "a", "--expires-days=0"),
        ("--name", "a", "--expires-days=" + "9" * 5000),
    ],
)
def test_issue_refuses_odd_arguments(root, args):
    with pytest.raises(CommandError):
        run("issue_client_key", *args)

    assert not ClientKey.objects.exists()


def test_revoke_by_hash_and_again(alice):
    row = keys.issue(alice, "app").row

    first = json.loads(run("revoke_client_key", row.key_hash, "--json"))
    second = json.loads(run("revoke_client_key", row.key_hash, "--json"))

    assert first == {"name": "app", "key_hash": row.key_hash, "revoked": True, "changed": True}
    assert second == first | {"changed": False}
    assert ClientKey.objects.get().revoked_at is not None


def test_revoke_by_preview(alice):
    row = keys.issue(alice, "app").row

    assert "is revoked" in run("revoke_client_key", row.key_preview)


def test_revoke_of_a_preview_that_fits_two_ends_with_4_and_names_both(alice):
    rows = [keys.issue(alice, name).row for name in ("one", "two")]
    ClientKey.objects.update(key_preview="fai_***abc")

    with pytest.raises(CommandError) as caught:
        run("revoke_client_key", "fai_***abc")

    assert caught.value.returncode == 4
    assert all(row.key_hash in str(caught.value) for row in rows)
    assert not ClientKey.objects.exclude(revoked_at=None).exists()


@pytest.mark.parametrize("how", [lambda row: row.key_hash[:8].upper(), lambda row: row.name])
def test_revoke_by_the_beginning_of_the_hash_or_by_name_and_again(alice, how):
    row = keys.issue(alice, "my app").row

    first, second = (json.loads(run("revoke_client_key", how(row), "--json")) for _ in range(2))

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["key_hash"] == second["key_hash"] == row.key_hash


def test_revoke_by_a_name_means_the_key_that_still_opens(alice):
    keys.revoke(keys.issue(alice, "app").row)
    current = keys.issue(alice, "app").row

    assert json.loads(run("revoke_client_key", "app", "--json"))["key_hash"] == current.key_hash


def test_revoke_by_the_hash_of_before_a_rotation(alice):
    row = keys.issue(alice, "app").row
    before = row.key_hash
    rotation.rotate(row, 60)

    assert json.loads(run("revoke_client_key", before, "--json"))["changed"]


@pytest.mark.parametrize("text", ["", "f", "fai_***", "%", "0" * 64])
def test_revoke_of_no_such_key_ends_with_3(alice, text):
    keys.issue(alice, "app")

    assert exit_code("revoke_client_key", text) == 3


def test_create_admin_token_prints_a_token_that_works(root):
    raw = run("create_admin_token").strip()

    assert tokens.name_of(raw)
    assert AdminToken.objects.get().name == "console"


def test_create_admin_token_as_json(root):
    facts = json.loads(run("create_admin_token", "--name", "ci", "--json"))

    assert facts["name"] == "ci"
    assert tokens.name_of(facts["token"])


@pytest.mark.parametrize("name", ["", "x" * 81, "a\u202eb", "two\nlines"])
def test_create_admin_token_refuses_odd_names(root, name):
    with pytest.raises(CommandError):
        run("create_admin_token", "--name", name)

    assert not AdminToken.objects.exists()


def test_create_admin_token_without_a_superuser_ends_with_3(alice):
    assert exit_code("create_admin_token") == 3
    assert not AdminToken.objects.exists()
