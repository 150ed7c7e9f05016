"""Which engine calls upstreams: the setting's."""

import subprocess
import sys

import pytest

from apps.providers.aiohttp_engine import AiohttpTransport
from apps.providers.http.engine import HttpTransport
from apps.providers.transport import Switchboard

LOADED = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
from apps.providers.transport import Switchboard
Switchboard()
sys.exit("aiohttp" in sys.modules)
"""


@pytest.mark.parametrize(("named", "engine"), [("own", HttpTransport), ("aiohttp", AiohttpTransport)])
def test_the_setting_says_which(settings, named, engine):
    settings.FREEAI_HTTP_ENGINE = named

    assert isinstance(Switchboard().network, engine)


def test_who_does_not_want_aiohttp_does_not_load_it():
    assert subprocess.run([sys.executable, "-c", LOADED], check=False).returncode == 0
