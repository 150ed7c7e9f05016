"""Which state store serves this installation: the one place that knows them all."""

from pathlib import Path

from apps.core.state.contract import StateStore
from apps.core.state.journal import Journal
from apps.core.state.memory import MemoryStore


def open_store(directory: Path | None = None) -> StateStore:
    """A store as the settings want it. Its `mode` says which. `directory`: where it may keep what outlives the process."""
    return MemoryStore(None if directory is None else Journal(directory / "blocks"))


def scratch_store() -> StateStore:
    """A store of its own for a process that does not serve: it knows what is charged to it, and nobody else reads it."""
    return MemoryStore()


def why_not(web_processes: int) -> str | None:
    """Why so many web processes cannot share the quotas, for the operator; None where they can."""
    if web_processes == 1:
        return None
    return (
        "One web process is what this version serves with: quota state lives in the process. "
        "Set --workers (FREEAI_WORKERS) to 1."
    )
