"""Budgets, and the table that shows whether they are met."""

import math

import pytest

from benchmarks.gateway import read_secrets
from benchmarks.report import Budget, Figure, as_json, table


@pytest.mark.parametrize(
    ("budget", "measured", "floor", "met"),
    [
        (Budget(most=2.5), 2.5, None, True),
        (Budget(most=2.5), 2.6, None, False),
        (Budget(times_floor=1.6), 1.6, 1.0, True),
        (Budget(times_floor=1.6), 1.7, 1.0, False),
        (Budget(times_floor=1.6), 0.1, None, False),
        (Budget(most=1.0, times_floor=2), 1.4, 0.7, True),
        (Budget(most=1.0, times_floor=2), 0.9, 0.1, True),
        (Budget(most=1.0, times_floor=2), 1.5, 0.7, False),
        (Budget(least=0.9), 0.9, None, True),
        (Budget(least=0.9), 0.89, 0.5, False),
        (Budget(most=1.0), math.nan, None, False),
        (Budget(least=0.9), math.nan, None, False),
    ],
)
def test_budget_is_met(budget, measured, floor, met):
    assert budget.met(measured, floor) is met


def test_table_shows_ratio_and_verdict_in_the_order_of_the_budgets():
    figures = {"added_p50_ms": Figure(3.0, 1.0), "cpu_ms": Figure(0.5, 0.4), "idle_web_mib": Figure(80.0)}

    _, _, idle, cpu, added = table(figures).splitlines()

    assert idle.split()[-4:] == ["80", "<=", "120", "yes"]
    assert "1.25" in cpu
    assert cpu.rstrip().endswith("yes")
    assert "3.00" in added
    assert added.rstrip().endswith("NO")


def test_json_holds_no_infinity():
    row = as_json({"recovery_s": Figure(math.inf, 0.1)})["recovery_s"]

    assert row["measured"] is None
    assert row["met"] is False


def test_secrets_are_read_from_the_first_announcement_once_all_are_printed():
    text = "FreeAI is set up.\n  admin token   abc-123   (header X-Admin-Token)\n  client key    fai_xyz\n\nTry it:"

    secrets = read_secrets(text)

    assert secrets is not None
    assert (secrets.admin_token, secrets.client_key) == ("abc-123", "fai_xyz")
    assert read_secrets(text[:40]) is None
