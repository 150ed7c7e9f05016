"""An OpenID Connect provider on loopback: discovery, JWKS, code flow with PKCE, user info. It knows nothing of the product.

It signs in `person` without asking, and is strict with the client: a request that the specifications forbid is refused.
"""

import base64
import json
import secrets
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "freeai"
SECRET = "of the client"
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)


class IdentityProvider:
    """Change `person`, `info` (what the user info says instead) and `fault` between requests. `given`: every code and token so far."""

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret
        self.given: list[str] = []
        self.person: dict[str, Any] = {"sub": "1"}
        self.info: dict[str, Any] | None = None
        self.fault = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: set[str] = set()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.provider = self
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }

    def jwks(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {"keys": [key | {"kid": "1", "use": "sig", "alg": "RS256"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT, asked
        assert asked["code_challenge_method"] == "S256" and asked["code_challenge"] and asked["state"], asked
        assert "openid" in asked["scope"].split(), asked
        if self.fault == "denied":
            answer = {"error": "access_denied"}
        else:
            answer = {"code": secrets.token_urlsafe(16)}
            self.codes[answer["code"]] = asked
            self.given += [answer["code"], asked["state"]]
        return f"{asked['redirect_uri']}?{urlencode(answer | {'state': asked['state']})}"

    def token(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(sent.get("code", ""), None)  # good for one use
        basic = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        challenge = base64.urlsafe_b64encode(sha256(sent.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or basic != f"{CLIENT}:{self.secret}"
            or sent["redirect_uri"] != asked["redirect_uri"]
            or challenge.decode().rstrip("=") != asked["code_challenge"]
            or self.fault == "no token"
        ):
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        self.tokens.add(access)
        identity = self.id_token()
        self.given += [access, identity, sent["code_verifier"]]
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": identity}

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://elsewhere.test" if self.fault == "issuer" else self.issuer,
            "aud": "another" if self.fault == "audience" else CLIENT,
            "iat": now,
            "exp": now - 60 if self.fault == "expired" else now + 60,
        }
        return jwt.encode(claims | self.person, KEY, "RS256", headers={"kid": "1"})

    def userinfo(self, authorization: str) -> tuple[int, Any]:
        if authorization.removeprefix("Bearer ") not in self.tokens:
            return 401, {"error": "invalid_token"}
        if self.fault == "list":
            return 200, ["not", "an", "object"]
        return 200, self.person if self.info is None else self.info


class _Server(ThreadingHTTPServer):
    provider: IdentityProvider


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        provider = self.server.provider
        url = urlsplit(self.path)
        if provider.fault == "down":
            self.answer(503, {})
        elif url.path == "/realm/.well-known/openid-configuration":
            self.answer(200, {} if provider.fault == "no endpoints" else provider.discovery())
        elif url.path == "/realm/jwks":
            self.answer(200, provider.jwks())
        elif url.path == "/realm/userinfo":
            self.answer(*provider.userinfo(self.headers["authorization"] or ""))
        elif url.path == "/realm/authorize":
            self.answer(302, {}, location=provider.authorize(dict(parse_qsl(url.query))))
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        provider = self.server.provider
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        self.answer(*provider.token(sent, self.headers["authorization"] or ""))

    def answer(self, status: int, body: Any, **headers: str) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
