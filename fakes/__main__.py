"""`python -m fakes`."""

import sys
from argparse import ArgumentParser

from .command import HELP, CannotListenError, add_arguments, run

parser = ArgumentParser(prog="python -m fakes", description=HELP)
add_arguments(parser)
try:
    run(parser.parse_args())
except CannotListenError as error:
    sys.exit(f"{parser.prog}: {error}")
