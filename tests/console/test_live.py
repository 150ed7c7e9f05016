"""The live page and its socket: who is let in, from where, and of whose requests they hear."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import AsyncClient

from apps.console import live_socket
from apps.console.live_socket import PATH, SIGNED_OUT, TOO_MANY, LiveSocket, Sockets, is_of_this_origin
from apps.core import clock
from apps.gateway.traffic.watchers import EVERYBODY, LocalWatchers, group_of
from tests.console.conftest import signed_in

HOST = b"testserver"


@pytest.fixture(autouse=True)
def fresh():
    channel_layers.backends.clear()
    LiveSocket.seats.taken.clear()
    yield
    channel_layers.backends.clear()


class Socket(ApplicationCommunicator):
    """A browser's end."""

    async def told(self) -> Any:
        return json.loads((await self.receive_output(timeout=5))["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=5)


@pytest.mark.django_db
def test_everybody_has_the_page(alice, root):
    for user, words in ((alice, b"of your own keys"), (root, b"livetraffic.js")):
        page = signed_in(user).get("/admin/live/")
        assert page.status_code == 200 and words in page.content
    assert b"of your own keys" not in page.content


class TestOrigin:
    def scope(self, origin=None, host=HOST):
        headers = [(b"host", host)] + ([(b"origin", origin)] if origin else [])
        return {"headers": headers}

    @pytest.mark.parametrize("origin", [b"http://testserver", b"https://testserver"])
    def test_pages_of_this_server_are_let_in(self, settings, origin):
        settings.ALLOWED_HOSTS = ["testserver"]
        assert is_of_this_origin(self.scope(origin))

    @pytest.mark.parametrize(
        "origin",
        [
            None,
            b"null",
            b"http://evil.test",
            b"http://testserver.evil.test",
            b"http://testserver:81",
            b"ftp://testserver",
            b"\xff",
            b"http://[",
            b"//testserver",
        ],
    )
    def test_others_are_not(self, settings, origin):
        settings.ALLOWED_HOSTS = ["testserver", "*"]
        assert not is_of_this_origin(self.scope(origin))

    def test_a_host_that_is_none_of_ours_is_not_whatever_the_origin_says(self, settings):
        settings.ALLOWED_HOSTS = ["testserver"]
        assert not is_of_this_origin(self.scope(b"http://evil.test", b"evil.test"))

    def test_the_public_address_is_let_in_behind_a_proxy(self, settings):
        settings.CSRF_TRUSTED_ORIGINS = ["https://ai.example"]
        assert is_of_this_origin(self.scope(b"https://ai.example", b"10.0.0.1:8000"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("given_back")
class TestSocket:
    async def user(self, name, **fields):
        return await sync_to_async(User.objects.create_user)(name, **fields)

    async def open(self, user=None, watchers=None, path=PATH, origin=b"http://testserver"):
        headers = [(b"host", HOST), (b"origin", origin)]
        if user is not None:
            browser = AsyncClient()
            await browser.aforce_login(user)
            cookie = browser.cookies[configured.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{configured.SESSION_COOKIE_NAME}={cookie}".encode()))
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
        }
        socket = Socket(Sockets(watchers or LocalWatchers()), scope)
        await socket.send_input({"type": "websocket.connect"})
        answer = await socket.receive_output(timeout=5)
        if answer["type"] == "websocket.http.response.start":
            assert answer["status"] == 403 and (b"x-content-type-options", b"nosniff") in answer["headers"]
        return socket, answer["type"] == "websocket.accept"

    async def told(self, group, *requests):
        message = {"type": "traffic.told", "from": "1", "requests": list(requests), "rest": 0}
        await get_channel_layer().group_send(f"live.{group}", message)

    async def test_who_is_not_signed_in_is_told_so(self):
        socket, connected = await self.open()

        assert connected
        assert (await socket.receive_output(timeout=5))["code"] == SIGNED_OUT

    async def test_another_origin_and_another_path_are_refused_before_it_opens(self):
        alice = await self.user("alice")

        for refused in ({"origin": b"http://evil.test"}, {"path": "/ws/other/"}):
            assert (await self.open(alice, **refused))[1] is False

    async def test_users_hear_of_their_own_requests_alone(self):
        alice, watchers = await self.user("alice"), LocalWatchers()
        socket, _ = await self.open(alice, watchers)
        await asyncio.sleep(0.05)

        assert await watchers.watched(clock.now()) == {group_of(alice.pk)}
        await self.told(EVERYBODY, {"id": "theirs", "state": "ok"})
        await self.told(group_of(alice.pk), {"id": "own", "state": "ok"})
        assert [one["id"] for one in (await socket.told())["requests"]] == ["own"]
        await socket.disconnect()

    async def test_staff_without_the_permission_are_users(self):
        staff, watchers = await self.user("staff", is_staff=True), LocalWatchers()
        socket, _ = await self.open(staff, watchers)
        await asyncio.sleep(0.05)

        assert await watchers.watched(clock.now()) == {group_of(staff.pk)}
        await socket.disconnect()

    async def test_who_may_see_all_does_within_a_budget(self):
        root, watchers = await self.user("root", is_staff=True, is_superuser=True), LocalWatchers()
        socket, _ = await self.open(root, watchers)
        await self.told(EVERYBODY, *({"id": str(number), "state": "running"} for number in range(250)))

        told = await socket.told()

        assert (len(told["requests"]), told["rest"]) == (200, 50)
        await socket.disconnect()

    @pytest.mark.parametrize(
        "ends",
        [
            lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
            lambda user: Session.objects.all().delete(),
            lambda user: (user.set_password("another 47"), user.save()),
            lambda user: User.objects.filter(pk=user.pk).update(is_superuser=False),
        ],
        ids=["disabled", "signed out", "another password", "sees no more of others"],
    )
    async def test_a_session_that_ended_closes_it(self, monkeypatch, ends):
        monkeypatch.setattr(live_socket, "RENEW_S", 0.05)
        monkeypatch.setattr(live_socket, "CHECK_EVERY", 1)
        root = await self.user("root", is_staff=True, is_superuser=True)
        socket, _ = await self.open(root)
        assert await socket.receive_nothing(0.3)

        await sync_to_async(ends)(root)

        assert (await socket.receive_output(timeout=5))["code"] == SIGNED_OUT

    async def test_there_are_only_so_many(self, monkeypatch):
        monkeypatch.setattr(LiveSocket.seats, "most_each", 1)
        alice = await self.user("alice")
        first, _ = await self.open(alice)
        second, _ = await self.open(alice)

        assert (await second.receive_output(timeout=5))["code"] == TOO_MANY
        await first.disconnect()
        third, _ = await self.open(alice)
        assert await third.receive_nothing(0.1)
        await third.disconnect()
        assert not LiveSocket.seats.taken

    async def test_what_comes_in_is_not_read(self):
        socket, _ = await self.open(await self.user("alice"))

        await socket.send_input({"type": "websocket.receive", "text": "x" * 500})
        await socket.send_input({"type": "websocket.receive", "bytes": b"\0"})

        assert await socket.receive_nothing(0.1)
        await socket.disconnect()
