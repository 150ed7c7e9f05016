"""What is not there is told in the words of the API, not of its tables."""

import pytest

from apps.providers.models import Provider
from tests.accounts.conftest import Browser

pytestmark = pytest.mark.django_db
NO_HASH = "0" * 64


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/api/users/99", "There is no such user."),
        ("DELETE", "/api/users/99", "There is no such user."),
        ("PATCH", f"/api/clients/{NO_HASH}", "There is no such client key."),
        ("POST", f"/api/clients/{NO_HASH}/rotate", "There is no such client key."),
        ("GET", "/api/pricing/groq/gone", "There is no such provider model."),
        ("DELETE", "/api/me/providers/groq", "There is no such credential."),
        ("POST", "/api/me/providers/groq/reset", "There is no such credential."),
    ],
)
def test_it_names_the_kind(root, method, path, said):
    Provider.objects.create(name="groq", base_url="https://upstream.test/v1")
    browser = Browser()
    browser.force_login(root)

    answer = browser.send(method, path, None if method in ("GET", "DELETE") else {}, **browser.csrf())

    assert (answer.status_code, answer.json()) == (404, {"detail": said})
