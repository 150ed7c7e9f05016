"""All examinations in their order, each guarded: one that fails is a finding, and the others go on."""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from apps.core.redaction import scrub
from freeai.doctor import contents, database, environment, machine, running, shared_state
from freeai.doctor.findings import Examination, Finding, error, note
from freeai.refusals import sentence


class Check(NamedTuple):
    """`needs`: another check, without whose success this one has nothing to ask."""

    name: str
    examine: Examination
    needs: str = ""


CHECKS: Final = (
    Check("variables", environment.variables),
    Check("secrets", environment.secrets_given, "variables"),
    Check("tokens", environment.tokens, "variables"),
    Check("web", environment.web, "variables"),
    Check("extras", environment.extras, "variables"),
    Check("data_directory", machine.data_directory, "variables"),
    Check("disk", machine.disk, "variables"),
    Check("files", machine.files, "variables"),
    Check("clock", machine.time),
    Check("spool", machine.spool, "variables"),
    Check("queue", machine.celery_files, "variables"),
    Check("database", database.reachable, "variables"),
    Check("migrations", database.migrations, "database"),
    Check("database_kind", database.kind, "database"),
    Check("pooler", database.pooler, "database"),
    Check("months", database.months, "migrations"),
    Check("redis", running.fleet, "variables"),
    Check("state", shared_state.state, "variables"),
    Check("beside", shared_state.beside, "database"),
    Check("gateway", running.gateway, "database"),
    Check("tasks", running.tasks, "migrations"),
    Check("administrators", contents.administrators, "migrations"),
    Check("master_keys", contents.master_keys, "migrations"),
    Check("provider_keys", contents.provider_keys, "migrations"),
    Check("catalogue", contents.catalogue, "migrations"),
    Check("notices", contents.notices, "migrations"),
)


def examine(only: Collection[str] = ()) -> Iterator[tuple[str, Finding]]:
    """Each finding with the name of its check, in order. `only` these checks, and what they need."""
    failed: set[str] = set()
    for check in CHECKS:
        if only and check.name not in only:
            continue
        if check.needs in failed:
            failed.add(check.name)
            yield check.name, note(f"Not examined: it needs what is wrong with {check.needs}.")
            continue
        for finding in _guarded(check):
            if finding.level == "error":
                failed.add(check.name)
            yield check.name, finding


def _guarded(check: Check) -> Iterator[Finding]:
    try:
        yield from check.examine()
    except Exception as failure:  # noqa: BLE001 - a diagnosis that dies of the illness tells nobody of it
        told = sentence(failure) or f"{type(failure).__name__}: {scrub(str(failure))}"
        yield error(f"It could not be examined: {told}", "Mend that first.")
