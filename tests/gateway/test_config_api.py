"""`/api/config` and `/api/tags`."""

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.gateway.config import COLUMNS, CONFIG, Config
from apps.gateway.models import AppConfig
from apps.providers.models import Provider
from apps.strategies.library import install_builtins

pytestmark = pytest.mark.django_db

URL = "/api/config"


@pytest.fixture
def api():
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("root"))
    install_builtins()
    return client


def test_every_field_is_shown_and_can_be_set_to_itself(api):
    shown = api.get(URL).json()

    assert shown == {name: getattr(Config(), name) for name in COLUMNS}
    assert api.patch(URL, shown).json() == shown


def test_patch_changes_what_was_sent_and_is_in_effect_at_once(api, django_capture_on_commit_callbacks):
    CONFIG.refresh()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            answer = api.patch(URL, {"stream_idle_timeout_s": 30, "default_strategy": "fastest"})

        assert answer.status_code == 200
        assert (answer.json()["stream_idle_timeout_s"], answer.json()["total_timeout_s"]) == (30.0, 300.0)
        assert (CONFIG.value.stream_idle_timeout_s, CONFIG.value.default_strategy) == (30.0, "fastest")
    finally:
        CONFIG.unload()


@pytest.mark.parametrize(
    "body",
    [
        {"stream_idle_timeout_s": 0},
        {"stream_idle_timeout_s": 86_401},
        {"total_timeout_s": "300"},
        {"total_timeout_s": None},
        {"provider_max_retries": -1},
        {"provider_max_retries": 1.5},
        {"provider_max_retries": 10**9},
        {"attempts_per_credential": 0},
        {"circuit_breaker_threshold": 0},
        {"circuit_breaker_threshold": 10**9},
        {"use_paid": "yes"},
        {"default_strategy": "fastes"},
        {"default_strategy": ""},
        {"default_strategy": "x" * 61},
        {"breaker": {}},
        {"id": 1},
    ],
)
def test_patch_refuses_what_is_wrong_and_names_it(api, body):
    answer = api.patch(URL, {"connect_timeout_s": 3} | body)

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == list(body)
    assert AppConfig.objects.filter(connect_timeout_s=3).count() == 0


def test_a_default_strategy_that_is_gone_keeps_no_other_field_from_being_set(api):
    AppConfig.objects.create(pk=1, default_strategy="gone")

    assert api.patch(URL, {"connect_timeout_s": 3}).status_code == 200


def test_tags_name_their_providers_and_are_paged(api):
    for name, tags in (("groq", ["fast", "audio", "fast"]), ("gemini", ["vision", "fast"]), ("plain", [])):
        Provider.objects.create(name=name, display_name=name, base_url="https://upstream.test", tags=tags)

    answer = api.get("/api/tags")

    assert answer.json() == [
        {"tag": "audio", "providers": ["groq"]},
        {"tag": "fast", "providers": ["gemini", "groq"]},
        {"tag": "vision", "providers": ["gemini"]},
    ]
    assert answer["X-Total-Count"] == "3"
    assert api.get("/api/tags?limit=1&offset=1").json() == answer.json()[1:2]


class TestNotices:
    """Who hears of quotas that will not last the day."""

    @pytest.fixture(autouse=True)
    def _ready(self, settings):
        settings.FREEAI_NOTICE_SECRET = "s" * 32
        settings.EMAIL_HOST = "mail.test"

    def test_go_where_an_operator_says(self, api):
        wanted = {"notice_url": "https://hooks.example.com/x", "notice_mail": "ops@example.com"}

        assert wanted.items() <= api.patch(URL, wanted).json().items()
        assert api.patch(URL, {"notice_url": "", "notice_mail": ""}).json()["notice_url"] == ""

    @pytest.mark.parametrize(
        "body",
        [
            {"notice_url": "http://127.0.0.1:9000/hook"},
            {"notice_url": "http://169.254.169.254/latest/meta-data"},
            {"notice_url": "https://user:word@hooks.example.com/"},
            {"notice_url": "hooks.example.com"},
            {"notice_url": "https://hooks.example.com/" + "x" * 500},
            {"notice_url": None},
            {"notice_mail": "ops"},
            {"notice_mail": "ops@example.com, all@example.com"},
            {"notice_mail": ["ops@example.com"]},
        ],
    )
    def test_go_nowhere_else(self, api, body):
        answer = api.patch(URL, body)

        assert (answer.status_code, list(answer.json()["detail"])) == (400, list(body))
        assert api.get(URL).json()["notice_url"] == ""

    def test_need_what_they_are_signed_and_sent_with(self, api, settings):
        settings.FREEAI_NOTICE_SECRET = settings.EMAIL_HOST = ""

        answer = api.patch(
            URL, {"notice_url": "https://hooks.example.com/x", "notice_mail": "ops@example.com"}
        )

        assert answer.json()["detail"] == {
            "notice_url": ["Set FREEAI_NOTICE_SECRET first: notices are signed with it."],
            "notice_mail": ["Set FREEAI_MAIL_URL first: the server that sends mails."],
        }

    def test_leave_other_settings_alone_when_their_secret_is_gone(self, api, settings):
        api.patch(URL, {"notice_url": "https://hooks.example.com/x"})
        settings.FREEAI_NOTICE_SECRET = ""

        assert api.patch(URL, {"stream_idle_timeout_s": 30}).status_code == 200
