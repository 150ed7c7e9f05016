"""The preset of a wire that names the window which is spent, and takes few tokens: nothing that ships speaks it any more, an operator's own
provider may."""

import tomllib
from pathlib import Path

from apps.providers.presets import parse_preset

AZURE = parse_preset(tomllib.loads((Path(__file__).parent / "data" / "azure.toml").read_text())["wire"])
