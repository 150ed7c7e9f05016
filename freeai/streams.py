"""Standard streams that are not there (`>&-`, a service manager without a console).

Python has None in their place, which no library expects, and the next file that is opened gets their descriptor: what a child or a C
library says on stderr would go into the database.
"""

import errno
import io
import os
import sys

STANDARD = (0, 1, 2)


class ClosedOutput(io.TextIOBase):
    """A stdout that does not take anything, and says so: what was to be shown once must not count as shown."""

    def write(self, text: str) -> int:
        """Raises OSError."""
        raise OSError(errno.EBADF, "stdout is closed")


def make_whole() -> None:
    """Put something where a standard stream is missing. On stderr, nobody listens to what is said."""
    for descriptor in STANDARD:
        if not _is_open(descriptor):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free: this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives


def settle() -> None:
    """Write what is left for stdout, or drop it where nobody takes it: the interpreter would try again at its exit, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
