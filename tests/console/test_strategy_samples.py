"""A strategy tried on a request of the last hour: by what strategies read of it, since its text is not kept."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.console.strategy_samples import GONE, MOST
from apps.core import snapshot
from apps.core.ids import least_at
from apps.gateway.attempts.decision import Decision
from apps.gateway.models import RequestDecision
from apps.gateway.traffic.keeping import pack
from apps.providers.credentials import set_key
from apps.providers.models import ProviderModel
from apps.strategies.models import Strategy
from tests.console.conftest import allow, signed_in
from tests.console.test_policy import HOSTILE, parts_of

FACTS = {
    "prompt_tokens": 900,
    "max_tokens": 0,
    "has_images": True,
    "has_tools": False,
    "has_audio": False,
    "json_schema": False,
    "language": "",
    "stream": True,
    "intent": "vision",
    "model": "freeai-vision",
}


def past(user, minutes=5, number=1, **facts):
    at = (timezone.now() - timedelta(minutes=minutes)).timestamp()
    own = uuid.UUID(int=least_at(at).int | 7 << 76 | 2 << 62 | number)
    body = pack(Decision("vision", FACTS | facts, [], []))
    return RequestDecision.objects.create(id=own, user_id=user.pk, body=body).id.hex


@pytest.fixture
def mine(db):
    return Strategy.objects.create(name="mine", definition={"prefer": [{"when": "free", "weight": 1}]})


@pytest.fixture
def editor(mine):
    return reverse("admin:strategies_strategy_change", args=[mine.pk])


def look(browser, editor, own, when):
    fields = {"act": "preview", "name": "mine", "prefer_when": [when], "prefer_weight": ["5"], "past": own}
    return browser.post(editor, fields, headers={"X-Part": "1"}).content.decode()


def test_what_a_request_needed_decides_who_may_answer_it(root, acme, editor, serving):
    ProviderModel.objects.get_or_create(provider=acme, name="acme-large")
    set_key(root, acme, "sk-acme-0123456789")
    snapshot.load_all()
    browser, own = signed_in(root), past(root)
    before = look(browser, editor, own, "request.has_images")
    ProviderModel.objects.update(capabilities=["vision"])
    snapshot.load_all()

    after = look(browser, editor, own, "request.has_images && request.stream && request.prompt_tokens == 900")

    assert "lacks vision" in before and "The only candidate is" not in before
    assert "The only candidate is" in after and "holds for 1" in after
    assert "≈ 900 tokens" in after and "intent: vision" in after


def test_what_auto_read_is_known_of_it(root, editor, serving):
    ProviderModel.objects.update(capabilities=["vision"])
    snapshot.load_all()
    auto = {"observation": {"language": "fr", "intent": "coding", "reasons": []}}
    own = past(root, intent="chat", auto=auto)

    seen = look(signed_in(root), editor, own, "request.language == 'fr' && request.intent == 'coding'")

    assert "holds for 1" in seen


def test_the_newest_of_the_hour_can_be_chosen(root, alice, editor, serving):
    for number in range(MOST + 5):
        past(root, minutes=2, number=number)
    old, of_others, embeddings = (
        past(root, minutes=70),
        past(alice, minutes=1),
        past(root, minutes=1, number=2, stream=None),
    )

    page = signed_in(root).get(editor)

    offered = [one.own for one in page.context["recent"]]
    assert len(offered) == MOST and offered[0] == of_others
    assert not {old, embeddings} & set(offered)
    assert (
        page.context["recent"][0].words
        == "1 min ago · freeai-vision · image · streamed · ≈ 900 tokens · intent: vision"
    )


def test_staff_see_their_own_alone_unless_they_may_see_events(staff, alice, editor, serving):
    allow(staff, "change_strategy")
    own, of_others = past(staff, number=1), past(alice, number=2)
    browser = signed_in(staff)

    page = browser.get(editor)

    assert [one.own for one in page.context["recent"]] == [own]
    assert GONE in look(browser, editor, of_others, "free")


@pytest.mark.parametrize("own", ["0" * 32, "no id", HOSTILE])
def test_what_is_not_kept_is_said(root, editor, serving, own):
    assert GONE in look(signed_in(root), editor, own, "free")


def test_names_of_models_are_text(root, editor, serving):
    past(root, model=HOSTILE)

    page = signed_in(root).get(editor)

    assert parts_of(page) == []
