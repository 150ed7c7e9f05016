"""Requests for the server itself."""

import pytest


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 204), ("TRACE", 400), ("GET", 400), ("PATCH", 400)]
)
async def test_options_alone_may_ask_for_no_path(gateway, method, status):
    answer = await gateway.client.request(method, "*")

    assert answer.status == status
