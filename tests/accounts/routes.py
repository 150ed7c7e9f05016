"""What every route of `/api` answers to everybody: one row a method and path. `test_routes` reads it, and finds the routes without one."""

from dataclasses import dataclass, field
from typing import Any, Final

from tests.accounts.conftest import PASSWORD

SAFE = frozenset({"GET"})
DEFINITION: Final = {"prefer": [{"when": "latency_ema_ms < 500", "weight": 30}]}
CHAT: Final = {"messages": [{"role": "user", "content": "Hello"}]}


@dataclass(frozen=True)
class Row:
    """`status`: of those who may. `model` and `action` (view, change, …): the Django permission that lets staff in; without one everybody
    who is signed in may. `others`: for all but the owner, where the object is one user's. `exact`: roles that differ."""

    status: int
    body: Any = None
    model: str = ""
    action: str = ""
    public: bool = False
    others: int | None = None
    exact: dict[str, int] = field(default_factory=dict)


def public(status: int, body: Any = None, **exact: int) -> Row:
    """The same for everybody, whatever they send along."""
    return Row(status, body, public=True, exact=exact)


def user(status: int, body: Any = None, **rest: Any) -> Row:
    """For whoever is signed in."""
    return Row(status, body, **rest)


def admin(status: int, permission: str, body: Any = None) -> Row:
    """For superusers, and staff with the permission (`auth.view_user`)."""
    app, _, codename = permission.partition(".")
    action, _, model = codename.partition("_")
    return Row(status, body, f"{app}.{model}", action)


# Signing out is no error for a token that opens nothing; the admin token is nothing that one signs out of.
LOGOUT = {"none": 401, "admin_token": 401, "revoked_admin_token": 401, "wrong_csrf": 403, "session": 204}
MINE = "/api/me/providers"
KEY = "/api/clients/{key_hash}"
PRICE = "/api/pricing/groq/openai/gpt-oss-120b"

ROWS: Final[dict[tuple[str, str], Row]] = {
    ("GET", "/api/health"): public(200),
    ("GET", "/api/schema/"): public(200),
    ("GET", "/api/docs/"): public(200),
    ("GET", "/api/setup/status"): public(200),
    ("POST", "/api/setup/first-admin"): public(409, {"code": "x", "username": "boss", "password": PASSWORD}),
    ("GET", "/api/auth/status"): public(200),
    ("POST", "/api/auth/login"): public(200, {"username": "owner", "password": PASSWORD}),
    ("POST", "/api/auth/refresh"): public(401, {}),
    ("POST", "/api/auth/logout"): public(204, {}, **LOGOUT),
    ("GET", "/api/auth/me"): user(200),
    # 400: all but one have none.
    ("POST", "/api/auth/password"): user(
        200, {"current_password": PASSWORD, "new_password": "correct horse 48"}, others=400
    ),
    ("GET", "/api/users"): admin(200, "auth.view_user"),
    ("POST", "/api/users"): admin(201, "auth.add_user", {"username": "new", "password": PASSWORD}),
    ("GET", "/api/users/{user_id}"): admin(200, "auth.view_user"),
    ("PATCH", "/api/users/{user_id}"): admin(200, "auth.change_user", {"email": "new@example.com"}),
    ("DELETE", "/api/users/{user_id}"): admin(204, "auth.delete_user"),
    ("GET", "/api/clients"): user(200),
    ("POST", "/api/clients"): user(201, {"name": "app"}),
    ("GET", KEY): user(200, others=404),
    ("PATCH", KEY): user(200, {"name": "new"}, others=404),
    ("DELETE", KEY): user(204, others=404),
    ("POST", KEY + "/rotate"): user(200, {"grace_s": 60}, others=404),
    ("POST", KEY + "/rotate?all=true"): admin(200, "clients.change_clientkey", {"grace_s": 60}),
    ("GET", KEY + "?all=true"): admin(200, "clients.view_clientkey"),
    ("PATCH", KEY + "?all=true"): admin(200, "clients.change_clientkey", {"name": "new"}),
    ("DELETE", KEY + "?all=true"): admin(204, "clients.delete_clientkey"),
    ("GET", MINE): user(200),
    ("GET", MINE + "/groq"): user(200),
    ("PATCH", MINE + "/groq"): user(200, {"weight": 2.0}),
    ("DELETE", MINE + "/groq"): user(204, others=404),
    ("POST", MINE + "/groq/test"): user(400, {}),
    ("POST", MINE + "/groq/reset"): user(200, {}, others=404),
    ("GET", MINE + "/groq/catalog"): user(200),
    ("GET", MINE + "/groq/models"): user(200),
    ("POST", MINE + "/groq/sync"): user(400, {}),
    ("GET", "/api/providers"): admin(200, "providers.view_provider"),
    ("POST", "/api/providers"): admin(
        201, "providers.add_provider", {"name": "new", "base_url": "https://upstream.test/v1"}
    ),
    ("GET", "/api/providers/groq"): admin(200, "providers.view_provider"),
    ("PATCH", "/api/providers/groq"): admin(200, "providers.change_provider", {"weight": 2.0}),
    ("GET", "/api/providers/groq/models"): admin(200, "providers.view_provider"),
    ("POST", "/api/providers/groq/sync"): admin(400, "providers.change_provider", {}),
    ("POST", "/api/providers/groq/reset"): admin(200, "providers.change_provider", {}),
    ("POST", "/api/providers/find-local"): admin(200, "providers.change_provider", {}),
    ("GET", "/api/pricing"): admin(200, "providers.view_providermodel"),
    ("GET", PRICE): admin(200, "providers.view_providermodel"),
    ("PUT", PRICE): admin(200, "providers.change_providermodel", {"prompt_usd": 1, "completion_usd": None}),
    ("DELETE", PRICE): admin(204, "providers.change_providermodel"),
    ("GET", "/api/tags"): admin(200, "providers.view_provider"),
    ("GET", "/api/usage-events"): user(200),
    ("GET", "/api/usage-events?all=true"): admin(200, "analytics.view_usageeventrow"),
    ("GET", "/api/config"): admin(200, "gateway.view_appconfig"),
    ("PATCH", "/api/config"): admin(200, "gateway.change_appconfig", {"connect_timeout_s": 3}),
    ("GET", "/api/analytics"): admin(200, "analytics.view_usageeventrow"),
    ("GET", "/api/me/analytics"): user(200),
    ("GET", "/api/strategies"): admin(200, "strategies.view_strategy"),
    ("POST", "/api/strategies"): admin(
        201, "strategies.add_strategy", {"name": "new", "definition": DEFINITION}
    ),
    ("GET", "/api/strategies/custom"): admin(200, "strategies.view_strategy"),
    ("PATCH", "/api/strategies/custom"): admin(200, "strategies.change_strategy", {"description": "new"}),
    ("DELETE", "/api/strategies/custom"): admin(204, "strategies.delete_strategy"),
    ("POST", "/api/strategies/fastest/reset"): admin(200, "strategies.change_strategy"),
    # 400: nobody here has a provider that could be asked.
    ("POST", "/api/strategies/preview"): admin(400, "strategies.view_strategy", {"definition": DEFINITION}),
    ("POST", "/api/explain"): admin(400, "strategies.view_strategy", CHAT),
}

BAD = ("none", "expired", "revoked", "revoked_admin_token", "inactive")
USERS = ("other_user", "staff", "permitted_staff", "admin_token", "admin_bearer", "session")
ROLES = (*BAD, "user", *USERS, "wrong_csrf")


def expected(method: str, row: Row) -> dict[str, int]:
    """The status for every role."""
    if row.public:
        statuses = dict.fromkeys(ROLES, row.status)
    elif row.model:
        statuses = dict.fromkeys(ROLES, row.status) | dict.fromkeys(("user", "other_user", "staff"), 403)
    else:
        statuses = dict.fromkeys(ROLES, row.status if row.others is None else row.others)
        statuses["user"] = row.status
    if not row.public:
        statuses |= dict.fromkeys(BAD, 401)
        statuses["wrong_csrf"] = statuses["admin_bearer"] if method in SAFE else 403
    return statuses | row.exact
