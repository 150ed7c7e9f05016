"""Which state store serves this installation: the one place that knows them all."""

from pathlib import Path
from typing import Final

from apps.core.state.contract import StateStore
from apps.core.state.journal import Journal
from apps.core.state.memory import MemoryStore

MEMORY: Final = "memory"


def open_store(directory: Path | None = None, where: str = MEMORY) -> StateStore:
    """A store as the setting FREEAI_STATE wants it: `where` is "memory", or the URL of a Redis. Its `mode` says which. `directory`: where
    one in memory may keep what outlives the process."""
    if is_shared(where):
        from apps.core.state.redis.store import RedisStore  # who counts in memory does not load Redis' client

        return RedisStore(where)
    return MemoryStore(None if directory is None else Journal(directory / "blocks"))


def is_shared(where: str) -> bool:
    """Whether several gateways take from the same counters."""
    return where != MEMORY


def scratch_store() -> StateStore:
    """A store of its own for a process that does not serve: it knows what is charged to it, and nobody else reads it."""
    return MemoryStore()


def why_not(web_processes: int, where: str = MEMORY) -> str | None:
    """Why so many web processes cannot share the quotas, for the operator; None where they can."""
    if web_processes == 1 or is_shared(where):
        return None
    return (
        f"{web_processes} web processes would each grant every quota: they share one only in Redis. "
        "Name it with FREEAI_STATE (redis://host:6379/1), or set --workers (FREEAI_WORKERS) to 1."
    )
