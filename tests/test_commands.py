"""Every command of `manage.py` says what it does and what its exit codes mean, and can be read by a script."""

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class

OWN = sorted(
    name
    for name, app in get_commands().items()
    if apps.is_installed(app) and app.startswith(("apps.", "freeai"))
)
NOTHING_TO_READ = {"serve", "fake_upstream", "document_catalogue", "document_rights", "document_settings"}


def help_of(name: str) -> str:
    command = load_command_class(get_commands()[name], name)
    return command.create_parser("manage.py", name).format_help()


def test_there_are_some():
    assert {"serve", "setup", "issue_client_key", "rotate_master_key", "explain"} <= set(OWN)


@pytest.mark.parametrize("name", OWN)
def test_it_says_what_its_exit_codes_mean(name: str):
    words = " ".join(help_of(name).split())

    assert "Exit codes: 0 " in words


@pytest.mark.parametrize("name", sorted(set(OWN) - NOTHING_TO_READ))
def test_a_script_can_read_it(name: str):
    assert "--json" in help_of(name)
