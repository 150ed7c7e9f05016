"""Provider keys in the environment: told by name at the first start, taken by one command, and told no more."""

import json
from pathlib import Path
from typing import Any

from tests.e2e import server, tables
from tests.e2e.entrances import manage

KEY = "gsk_test_canary_0123456789abcdef"
FIRST = "Provider keys in the environment; to use them:"
LATER = "New provider keys in the environment:"


def start(data_dir: Path, **env: Any) -> str:
    """What a start and all that it logged printed."""
    running = server.start(data_dir, "--no-tasks", **env)
    assert running.stop() == 0
    said = (data_dir / "console.log").read_text()
    assert KEY not in said
    return said


def test_each_key_is_told_once_and_by_name_alone(data_dir: Path):
    first = start(data_dir, GROQ_API_KEY=KEY, GOOGLE_API_KEY=KEY, MISTRAL_API_KEY="")
    again = start(data_dir, GROQ_API_KEY=KEY, GOOGLE_API_KEY=KEY)
    more = start(data_dir, GROQ_API_KEY=KEY, MISTRAL_API_KEY=KEY)

    block = first[first.index(FIRST) :].split()
    assert block[8:13] == ["gemini", "GOOGLE_API_KEY", "groq", "GROQ_API_KEY", "manage.py"]
    assert "MISTRAL_API_KEY" not in first
    assert "API_KEY" not in again
    (line,) = [line for line in more.splitlines() if LATER in line]
    assert line == f"{LATER} MISTRAL_API_KEY. To use them: manage.py import_provider_keys"
    assert "GROQ_API_KEY" not in more


def test_nothing_is_taken_unasked_and_what_was_taken_is_not_offered(data_dir: Path):
    tables.lay(data_dir)
    made = manage("setup", "--json", data_dir=data_dir, GROQ_API_KEY=KEY)
    dry = manage("import_provider_keys", "--dry-run", "--json", data_dir=data_dir, GROQ_API_KEY=KEY)
    taken = manage("import_provider_keys", "--json", data_dir=data_dir, GROQ_API_KEY=KEY)
    (data_dir / "told_keys").unlink()
    after = manage("setup", data_dir=data_dir, GROQ_API_KEY=KEY)

    assert json.loads(made.stdout)["new_keys"] == [{"provider": "groq", "variable": "GROQ_API_KEY"}]
    assert [json.loads(run.stdout)[0]["action"] for run in (dry, taken)] == ["imported", "imported"]
    assert after.stdout == "Everything was set up already.\n"
    assert KEY not in made.stdout + dry.stdout + taken.stdout + made.stderr + taken.stderr


def test_without_keys_a_start_says_nothing_of_them_and_a_later_one_a_line(data_dir: Path):
    tables.lay(data_dir)
    nothing = manage("setup", data_dir=data_dir)
    something = manage("setup", data_dir=data_dir, GROQ_API_KEY=KEY)

    assert "Provider keys" not in nothing.stdout
    assert something.stdout.splitlines()[-1].startswith(f"{LATER} GROQ_API_KEY.")
