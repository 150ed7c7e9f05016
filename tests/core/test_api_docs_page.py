"""The page of the documents has a template for GET alone: what it refuses is JSON, as in all of `/api`."""

import pytest
from django.test import Client


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("PUT", 405), ("POST", 405)])
def test_the_pages_of_the_documents_refuse_in_json(method, status):
    answer = Client().generic(method, "/api/docs/")

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
