"""What the console shows at the first start."""

import re

import pytest

from apps.gateway.process.announcements import first_run
from apps.gateway.process.setup import Made

MADE = Made(password="of the admin", admin_token="fai_admin_x", client_key="fai_y")
LOCAL, PUBLIC = "http://127.0.0.1:8000", "https://ai.example.com"


@pytest.mark.parametrize(("public", "site"), [("", LOCAL), (PUBLIC, PUBLIC)])
def test_pages_are_where_browsers_reach_them_and_the_request_where_this_machine_does(public: str, site: str):
    said = first_run(MADE, LOCAL, public)

    assert f"admin page    {site}/admin/" in said
    assert f"for {site}/api/" in said
    assert re.findall(r"curl (\S+)", said) == [f"{LOCAL}/v1/chat/completions"]
