"""Compressed bodies: refused as what they are, not as broken JSON."""

import gzip

import orjson
import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from tests.asgi import chat_body
from tests.edges import BOTH
from tests.gateway.conftest import Gateway

PATHS = ["/v1/chat/completions", "/v1/embeddings", "/v1/audio/transcriptions"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZip", "gzip, gzip"])
@BOTH
@pytest.mark.parametrize("path", PATHS)
async def test_a_compressed_body_is_named(gateway: Gateway, path: str, encoding: str):
    body = gzip.compress(orjson.dumps({"model": "auto", "messages": [], "input": "x"}))

    answer = await gateway.client.request("POST", path, body, {"content-encoding": encoding})

    assert (answer.status, answer.error["code"]) == (415, "unsupported_content_encoding")
    assert encoding.lower() in answer.error["message"]


@BOTH
async def test_identity_is_plain(gateway: Gateway):
    gateway.add("groq")

    answer = await gateway.client.request("POST", PATHS[0], chat_body(), {"content-encoding": "Identity"})

    assert answer.status == 200


@pytest.mark.django_db
def test_so_it_is_below_api():
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("ada"))

    answer = client.generic(
        "POST", "/api/strategies", "packed", "application/json", HTTP_CONTENT_ENCODING="gzip"
    )

    assert answer.status_code == 415
    assert "gzip" in answer.json()["detail"]
