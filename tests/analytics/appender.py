"""A process that appends to a spool until it is killed: `python -m tests.analytics.appender ROOT`.

It reports "begun ID" after each begin and "ended ID" after each end. Every tenth attempt never ends.
"""

import os
import sys
from pathlib import Path

from apps.analytics.spool import Spool
from tests.analytics.examples import begun, ended


def main(root: Path) -> None:
    spool = Spool(root)
    number = 0
    while True:
        number += 1
        event = begun(user_id=number)
        spool.begin(event)
        os.write(1, f"begun {event.id}\n".encode())
        if number % 10:
            spool.end(ended(event))
            os.write(1, f"ended {event.id}\n".encode())
        if number % 97 == 0:
            spool.rotate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
