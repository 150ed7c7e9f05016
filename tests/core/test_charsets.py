"""A body is UTF-8. What a client calls it decides over no codec of Python's: some are no text, and some take minutes."""

import time

import pytest
from django.test import Client


def post(path: str, body: bytes, content_type: str):
    """As it is: the test client would encode it in that charset."""
    return Client().generic("POST", path, body, content_type=content_type)


OTHERS = [
    "hex",
    "zip",
    "rot13",
    "punycode",
    "idna",
    "utf-7",
    "utf-16",
    "unicode_escape",
    "latin-1",
    "nonsense",
]


@pytest.mark.parametrize("charset", OTHERS)
def test_another_charset_is_a_415_of_api(charset):
    answer = post("/api/auth/login", b'{"username":"a"}', content_type=f"application/json; charset={charset}")

    assert answer.status_code == 415, answer.content[:200]
    assert answer.json() == {
        "detail": f"The body has the charset '{charset}': bodies are taken as UTF-8 only."
    }


@pytest.mark.parametrize("charset", OTHERS)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_another_charset_is_a_415_of_the_admin_site(charset, kind):
    form = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\na\r\n--x--\r\n'

    answer = post("/admin/login/", form, content_type=f"{kind}; charset={charset}")

    assert answer.status_code == 415, answer.content[:200]
    assert answer["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii"])
def test_utf8_is_utf8_whatever_it_is_called(charset):
    answer = post("/api/auth/login", b'{"username":"\xc3\xa9"}', f"application/json; charset={charset}")

    assert answer.json() == {"detail": {"password": ["This field is required."]}}


def test_no_charset_costs_more_than_another():
    body = b'{"name":"' + b"a" * 100_000 + b"-" + b"b" * 100_000 + b'"}'
    began = time.process_time()

    post("/api/auth/login", body, content_type="application/json; charset=punycode")

    assert time.process_time() - began < 0.2


@pytest.mark.django_db
def test_a_request_without_a_body_may_name_any():
    assert (
        Client().get("/api/setup/status", headers={"content-type": "text/plain; charset=hex"}).status_code
        == 200
    )
