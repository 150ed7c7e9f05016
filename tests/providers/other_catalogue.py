"""A pytest plugin (`-p tests.providers.other_catalogue`): the shipped catalogue is the folder that the environment names."""

import os
from pathlib import Path

from apps.providers import catalogue_files

catalogue_files.FOLDER = Path(os.environ["FREEAI_TEST_CATALOGUE"])
