"""The spool as of the very moment of a database's copy, beside processes that write and drain it.

An event goes from the spool into the database, and then its segment is deleted. One that is in both is harmless: replaying changes nothing.
One that is in neither would be lost. So nothing may be deleted between the two looks, which the folders tell: making or deleting a file in
one changes its time. What was appended to a segment meanwhile may follow.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from apps.analytics.segments import segments
from apps.gateway.backup.manifest import BackupError

TRIES: Final = 400
PAUSE_S: Final = 0.025
QUIET_S: Final = 0.02
"""Times of folders are as coarse as the system's tick: a change within the same one would not be seen."""
BLOCKS: Final = "blocks"
"""The journal of what is closed, and until when."""

State = dict[Path, tuple[int, tuple[str, ...]]]


def capture(root: Path, look: Callable[[], None], into: Path) -> None:
    """Call `look` and put the segments of that moment below `into`, a folder on the same disk that is not there yet. Raises BackupError
    where the spool changes without a pause, and what `look` raises."""
    for _ in range(TRIES):
        before = _state(root)
        latest = max((changed for changed, _ in before.values()), default=0)
        if time.time_ns() - latest > QUIET_S * 1e9:
            look()
            if _linked(root, into) and _state(root) == before:
                _copy_blocks(root, into)
                return
            shutil.rmtree(into, ignore_errors=True)
        time.sleep(PAUSE_S)
    raise BackupError(
        "The spool changes too fast for a backup of one moment. Try again when less is going on."
    )


def _state(root: Path) -> State:
    """When files came or went, and which are there."""
    folders = [root, *sorted(root.glob("[!.]*/"))] if root.exists() else []
    return {folder: state for folder in folders if (state := _of(folder)) is not None}


def _of(folder: Path) -> tuple[int, tuple[str, ...]] | None:
    try:
        return folder.stat().st_mtime_ns, tuple(sorted(os.listdir(folder)))
    except FileNotFoundError:
        return None


def _linked(root: Path, into: Path) -> bool:
    """Links, which keep what is deleted a moment later. False when something went meanwhile."""
    into.mkdir(mode=0o700)
    try:
        for folder in sorted(root.glob("[!.]*/")) if root.exists() else []:
            (into / folder.name).mkdir(mode=0o700)
            for segment in segments(folder):
                _link(segment, into / folder.name / segment.name)
    except FileNotFoundError:
        return False
    return True


def _link(segment: Path, target: Path) -> None:
    try:
        os.link(segment, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links, or another disk
        shutil.copyfile(segment, target)


def _copy_blocks(root: Path, into: Path) -> None:
    """It is written anew by renaming, so that it is whole at any time."""
    if (root / BLOCKS).is_file():
        shutil.copyfile(root / BLOCKS, into / BLOCKS)
