"""The playground: where a request would go, and one that goes there, under the session."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import AsyncClient, Client

from apps.console.decisions import tell
from apps.console.pages import playground
from apps.gateway.attempts.decision import Decision, Exclusion, Row, Vitals, WindowUse
from tests.console.conftest import signed_in
from tests.console.test_policy import HOSTILE, parts_of

CHAT, EXPLAIN = "/admin/playground/chat/", "/admin/playground/explain/"
HELLO = {"model": "freeai-auto", "messages": [{"role": "user", "content": "Hello"}]}
IDLE = Vitals(0.0, None, 0, None, None, None)


def decision(*rows, **features):
    return Decision("fastest", features, list(rows), [])


def row(model="large", provider="acme", **fields):
    return Row(provider=provider, model=model, quota=fields.pop("quota", {}), health=IDLE, **fields)


class TestWords:
    def test_the_first_one_is_told_with_what_is_left_of_it(self):
        parts = {"weight": 1.0, "default": 1.0, "headroom": 0.5, "prefer[0]": 30.0, "prefer[1]": -2.5}
        quota = {"requests/minute": WindowUse(60, 1), "large requests/day": WindowUse(500, 112)}

        told = tell(decision(row(rank=1, score=30.0, parts=parts, quota=quota)))

        assert told.sentences[-1].endswith(
            "The only candidate is large of acme: score 30.00, its provider's default model, 388 of 500 requests a day left."
        )
        assert told.candidates[0].sum_words == "2.50 +30 −2.5"
        assert told.candidates[0].base_percent + told.candidates[0].clauses_percent <= 100

    def test_the_same_reason_at_one_provider_is_said_once(self):
        out = Exclusion("quarantine", "for another 3600 s: The key was refused.", 3600.0)

        told = tell(decision(row("a", excluded=out), row("b", excluded=out), row("c", "other", excluded=out)))

        assert [(one.who, one.provider) for one in told.left_out] == [("2 models", "acme"), ("c", "other")]
        assert told.left_out[0].why == "The key is refused, for another 1 h. The key was refused."
        assert told.sentences[-1] == "None of 3 candidates can answer now."

    def test_auto_says_what_it_saw(self):
        saw = {"language": "en", "intent": "coding", "code": 2.0, "reasoning": 0.0, "reasons": ["code: rust"]}

        told = tell(decision(auto={"strategy": "coding", "observation": saw}))

        assert told.sentences[0] == "auto read the request (code: rust) and chose the strategy coding."
        assert ("", "intent: coding") in told.facts


@pytest.mark.django_db
class TestPage:
    def test_everybody_has_one_with_what_they_may_choose(self, alice, serving):
        page = signed_in(alice).get("/admin/playground/?model=groq/x")

        assert page.status_code == 200
        assert b'value="groq/x"' in page.content and b"freeai-fast" in page.content
        assert b"No provider key yet" in page.content
        assert parts_of(page) == []

    def test_what_stands_in_the_address_is_text(self, alice, serving):
        page = signed_in(alice).get("/admin/playground/", {"model": HOSTILE, "strategy": HOSTILE})

        assert b"<script>alert" not in page.content and parts_of(page) == []

    def test_the_decision_is_told_and_nothing_sent(self, alice, serving):
        answer = signed_in(alice).post(EXPLAIN, json.dumps(HELLO), content_type="application/json")

        assert answer.status_code == 200
        assert "andidate" in answer.content.decode()
        assert events_of(serving) == []

    def test_names_of_models_are_text_there(self, alice, serving):
        body = HELLO | {"model": HOSTILE}

        answer = signed_in(alice).post(EXPLAIN, json.dumps(body), content_type="application/json")

        assert answer.status_code == 200 and parts_of(answer) == []
        assert b"<script>alert" not in answer.content and b"&lt;script&gt;" in answer.content

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 3}'])
    def test_what_is_no_request_is_refused_as_on_v1(self, alice, serving, body):
        answer = signed_in(alice).post(EXPLAIN, body, content_type="application/json")

        assert answer.status_code == 200 and "err" in answer.content.decode()
        assert "comes" not in answer.content.decode()

    def test_where_no_gateway_runs_it_says_so(self, alice):
        answer = signed_in(alice).post(EXPLAIN, json.dumps(HELLO), content_type="application/json")

        assert "No gateway runs" in answer.content.decode()

    def test_nobody_is_sent_to_sign_in(self, client):
        assert client.get("/admin/playground/").status_code == 302
        assert client.post(EXPLAIN).status_code == 302

    def test_a_form_of_another_site_is_refused(self, alice, serving):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(alice)

        for path in (EXPLAIN, CHAT):
            assert browser.post(path, json.dumps(HELLO), content_type="application/json").status_code == 403


def events_of(gateway):
    lines = [
        line for file in gateway.spool.directory.rglob("*.jsonl") for line in file.read_bytes().splitlines()
    ]
    return [json.loads(line) for line in lines]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("given_back")
class TestChat:
    async def ask(self, user, body=HELLO):
        browser = AsyncClient()
        await browser.aforce_login(user)
        answer: Any = await browser.post(CHAT, json.dumps(body), content_type="application/json")
        if not answer.streaming:
            return answer, answer.content.decode()
        return answer, b"".join([part async for part in answer.streaming_content]).decode()

    async def user(self, **fields):
        return await sync_to_async(User.objects.create_user)("alice", **fields)

    async def test_the_answer_streams_behind_its_decision(self, serving):
        answer, text = await self.ask(await self.user(), HELLO | {"stream": True})

        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (text.startswith("event: decision") and text.rstrip().endswith("}")) or "[DONE]" in text
        assert text.index("andidate") < text.index("event: request") < text.index("chat.completion.chunk")

    async def test_it_is_in_the_ledger_as_the_users_own_without_a_key(self, serving):
        user = await self.user()

        await self.ask(user)

        final = {event["id"]: event for event in events_of(serving)}
        (event,) = final.values()
        assert (event["user_id"], event["client_id"], event.get("outcome", "success")) == (
            user.pk,
            0,
            "success",
        )

    async def test_a_refusal_is_what_v1_would_say(self, serving):
        answer, text = await self.ask(await self.user(), HELLO | {"model": "freeai-nothing"})

        assert answer.status_code == 200
        assert '"status":400' in text and "freeai-nothing" in text and "data: [DONE]" in text

    async def test_who_is_not_signed_in_or_not_active_gets_nothing(self, serving):
        answer = await AsyncClient().post(CHAT, json.dumps(HELLO), content_type="application/json")
        assert answer.status_code == 401

        user = await self.user(is_active=False)
        answer, _ = await self.ask(user)
        assert answer.status_code == 401

    async def test_a_body_beyond_the_bound_is_refused(self, serving, settings):
        settings.FREEAI_MAX_SITE_BODY_BYTES = 50

        _, text = await self.ask(await self.user())

        assert '"status":413' in text and "larger than 50 bytes" in text

    async def test_no_connection_of_the_database_is_held_while_it_streams(self, serving, monkeypatch):
        closed: list[str] = []
        close = BaseDatabaseWrapper.close

        def spied(self):
            closed.append(self.alias)
            close(self)

        user = await self.user()
        browser = AsyncClient()
        await browser.aforce_login(user)
        monkeypatch.setattr(BaseDatabaseWrapper, "close", spied)

        answer: Any = await browser.post(CHAT, json.dumps(HELLO), content_type="application/json")

        assert closed, "before the first part is asked for"
        assert [part async for part in answer.streaming_content]

    async def test_only_so_many_stream_at_a_time(self, serving, monkeypatch):
        monkeypatch.setattr(playground.SEATS, "most_each", 1)
        user = await self.user()
        browser = AsyncClient()
        await browser.aforce_login(user)
        first: Any = await browser.post(CHAT, json.dumps(HELLO), content_type="application/json")
        parts = first.streaming_content

        await anext(aiter(parts))
        _, text = await self.ask(user)
        assert '"status":429' in text and "Too many" in text
        async for _ in parts:
            pass

        _, text = await self.ask(user)
        assert "event: whole" in text and not playground.SEATS.taken
