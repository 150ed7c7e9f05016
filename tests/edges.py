"""Tests of the edge run at both: over ASGI, and on a socket, where the protocol answers `/v1` by itself."""

import pytest

BOTH = pytest.mark.parametrize("edge", ["asgi", "socket"], indirect=True)
