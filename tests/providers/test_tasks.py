"""The table of tasks is whole: every task has a row, and what the rows say fits the ledger and the catalogue."""

from typing import get_args

from apps.analytics.models import UsageEventRow
from apps.providers.models import ProviderModel
from apps.providers.tasks import TASKS
from apps.providers.types import Capability, Task


def test_every_task_has_a_row():
    assert tuple(TASKS) == get_args(Task)


def test_model_rows_take_every_task():
    field = ProviderModel._meta.get_field("task")

    assert [value for value, _ in field.choices or ()] == list(TASKS)
    assert all(len(task) <= (field.max_length or 0) for task in TASKS)


def test_endpoints_fit_the_ledger_and_are_told_apart():
    longest = UsageEventRow._meta.get_field("endpoint").max_length or 0

    endpoints = [facts.endpoint for facts in TASKS.values()]
    assert len(set(endpoints)) == len(endpoints)
    assert all(len(endpoint) <= longest for endpoint in endpoints)


def test_abilities_are_capabilities():
    for facts in TASKS.values():
        assert facts.abilities <= set(get_args(Capability))
