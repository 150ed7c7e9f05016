"""Editing a built-in strategy changes the next request in this process at once, in every other within a second; reset brings it back."""

import subprocess
import sys
import time

from tests.e2e.server import Server
from tests.e2e.surroundings import ROOT

SEVEN = {"prefer": [{"when": "weight >= 0.0", "weight": 7}]}
NINE = {"prefer": [{"when": "weight >= 0.0", "weight": 9}]}


def test_edit_and_reset_of_a_built_in(serving: Server):
    shipped = serving.api("GET", "strategies/fastest").json()["definition"]

    edited = serving.api("PATCH", "strategies/fastest", json={"definition": SEVEN})
    at_once = weight_in_force(serving)
    edit_in_another_process(serving, NINE)
    elsewhere = wait_for_weight(serving, 9, seconds=1.5)
    reset = serving.api("POST", "strategies/fastest/reset")

    assert edited.status_code == reset.status_code == 200
    assert (at_once, elsewhere) == (7, 9)
    assert reset.json()["definition"] == shipped
    assert weight_in_force(serving) not in (7, 9)


def weight_in_force(serving: Server) -> float | None:
    """What the first clause of `fastest` gives the first candidate of a request that is made now."""
    asked = {"model": "freeai-fast", "messages": [{"role": "user", "content": "Hello"}]}
    first = serving.api("POST", "explain", json=asked).json()["candidates"][0]
    return first["parts"].get("prefer[0]")


def wait_for_weight(serving: Server, weight: float, seconds: float) -> float | None:
    deadline = time.monotonic() + seconds
    while (found := weight_in_force(serving)) != weight and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def edit_in_another_process(serving: Server, definition: dict) -> None:
    code = (
        "from apps.strategies.models import Strategy;"
        "row = Strategy.objects.get(name='fastest');"
        f"row.definition = {definition!r}; row.save()"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", code],
        cwd=ROOT,
        env={"FREEAI_DATA_DIR": str(serving.data_dir), "PATH": ""},
        check=True,
        capture_output=True,
    )
