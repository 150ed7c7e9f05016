"""Which state store serves this installation: the one place that knows them all."""

from apps.core.state.contract import StateStore
from apps.core.state.memory import MemoryStore


def open_store() -> StateStore:
    """A store as the settings want it. Its `mode` says which."""
    return MemoryStore()


def why_not(web_processes: int) -> str | None:
    """Why so many web processes cannot share the quotas, for the operator; None where they can."""
    if web_processes == 1:
        return None
    return (
        "One web process is what this version serves with: quota state lives in the process. "
        "Set --workers (FREEAI_WORKERS) to 1."
    )
