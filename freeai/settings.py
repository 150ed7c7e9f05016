"""Django settings, driven by `FREEAI_*` variables (the table is docs/OPERATIONS.md § 2). Nothing needs setting to start.

Importing this writes nothing and refuses nothing: see `env`, `checks` and `entrance`.
"""

import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from dj_database_url import DBConfig

from apps.core import master_keys
from freeai import audited, env, postgres, values
from freeai.logs import FORMATS, LEVELS

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.read("FREEAI_DATA_DIR", BASE_DIR / "var", values.directory)

# --- secrets: from the environment, else from the files that set-up makes ----------------------------------------------------
FREEAI_SECRETS_DIR = DATA_DIR / "secrets"
SECRET_KEY = env.secret("FREEAI_SECRET_KEY", FREEAI_SECRETS_DIR / "secret_key", "", values.secret_key)
NO_KEYS: list[str] = []
MASTER_KEYS_FILE = FREEAI_SECRETS_DIR / "master_keys"
FREEAI_MASTER_KEYS = env.secret("FREEAI_MASTER_KEYS", MASTER_KEYS_FILE, NO_KEYS, master_keys.parse)
FREEAI_MASTER_KEYS_FILE = None if env.is_given("FREEAI_MASTER_KEYS") else MASTER_KEYS_FILE
FREEAI_ADMIN_TOKEN = env.read("FREEAI_ADMIN_TOKEN", "", values.token(32))
FREEAI_FIRST_ADMIN = env.read("FREEAI_FIRST_ADMIN", "console", values.one_of(["console", "code"]))
FREEAI_METRICS_TOKEN = env.read("FREEAI_METRICS_TOKEN", "", values.token(16))
SILENCED_SYSTEM_CHECKS = [] if SECRET_KEY else ["security.W009"]  # a weak key: set-up makes a strong one

# --- how it runs ------------------------------------------------------------------------------------------------------------
DEBUG = env.read("FREEAI_DEBUG", False, values.yes_or_no)
FREEAI_HOST = env.read("FREEAI_HOST", "127.0.0.1", values.host)
FREEAI_PORT = env.read("FREEAI_PORT", 8000, values.whole_number(0, 65_535))
FREEAI_REDIS_URL = env.read("FREEAI_REDIS_URL", "", values.redis_url)
FREEAI_STATE = env.read("FREEAI_STATE", "memory", values.state)
FREEAI_WORKERS = env.read("FREEAI_WORKERS", 1, values.whole_number(1, 128))
FREEAI_MAX_CONNECTIONS = env.read("FREEAI_MAX_CONNECTIONS", 0, values.whole_number(0, 1_000_000))
FREEAI_MAX_HEAD_BYTES = env.read("FREEAI_MAX_HEAD_BYTES", 64 * 1024, values.whole_number(4096, 1024 * 1024))
FREEAI_MAX_HEADERS = env.read("FREEAI_MAX_HEADERS", 200, values.whole_number(20, 10_000))
FREEAI_HEAD_TIMEOUT_S = env.read("FREEAI_HEAD_TIMEOUT_S", 15, values.whole_number(1, 3600))
FREEAI_BODY_TIMEOUT_S = env.read("FREEAI_BODY_TIMEOUT_S", 60, values.whole_number(1, 86_400))
FREEAI_MAX_HELD_BODY_BYTES = env.read(
    "FREEAI_MAX_HELD_BODY_BYTES", 256 * 1024 * 1024, values.whole_number(1024 * 1024, 1024**4)
)
FREEAI_BODY_SILENCE_S = env.read("FREEAI_BODY_SILENCE_S", 15, values.whole_number(1, 86_400))
FREEAI_SEND_TIMEOUT_S = env.read("FREEAI_SEND_TIMEOUT_S", 30, values.whole_number(1, 86_400))
FREEAI_HTTP_ENGINE = env.read("FREEAI_HTTP_ENGINE", "own", values.one_of(["own", "aiohttp"]))
FREEAI_MAX_ANSWER_BYTES = env.read(
    "FREEAI_MAX_ANSWER_BYTES", 8 * 1024 * 1024, values.whole_number(1024, 1024 * 1024 * 1024)
)
FREEAI_MAX_MEDIA_BYTES = env.read(
    "FREEAI_MAX_MEDIA_BYTES", 32 * 1024 * 1024, values.whole_number(1024, 1024 * 1024 * 1024)
)
FREEAI_MAX_BODY_BYTES = env.read(
    "FREEAI_MAX_BODY_BYTES", 26 * 1024 * 1024, values.whole_number(1024, 1024 * 1024 * 1024)
)
FREEAI_RESPONSE_STORE = env.read("FREEAI_RESPONSE_STORE", True, values.yes_or_no)
FREEAI_MAX_JSON_VALUES = env.read("FREEAI_MAX_JSON_VALUES", 100_000, values.whole_number(1000, 10**8))
FREEAI_SHUTDOWN_GRACE_S = env.read("FREEAI_SHUTDOWN_GRACE_S", 30, values.whole_number(0, 86_400))
FREEAI_LOG_LEVEL = env.read("FREEAI_LOG_LEVEL", "info", values.one_of(LEVELS))
FREEAI_LOG_FORMAT = env.read(
    "FREEAI_LOG_FORMAT",
    "console" if sys.stderr is not None and sys.stderr.isatty() else "json",
    values.one_of(FORMATS),
)
FREEAI_SPOOL_DIR = DATA_DIR / "spool"
FREEAI_SPOOL_MAX_BYTES = env.read(
    "FREEAI_SPOOL_MAX_BYTES", 2 * 1024**3, values.whole_number(1024**2, 1024**4)
)

# --- the web ----------------------------------------------------------------------------------------------------------------
PUBLIC_URL = env.read("FREEAI_PUBLIC_URL", "", values.public_url)
SECURE = urlsplit(PUBLIC_URL).scheme == "https"
ALLOWED_HOSTS = env.read("FREEAI_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"], values.allowed_hosts)
if PUBLIC_URL:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, values.bracketed(urlsplit(PUBLIC_URL).hostname or "")]
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
FREEAI_CORS_ORIGINS: frozenset[str] = env.read("FREEAI_CORS_ORIGINS", frozenset(), values.origins)
TRUST_PROXY = env.read("FREEAI_TRUST_PROXY", False, values.yes_or_no)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
FREEAI_MAX_SITE_BODY_BYTES = env.read(
    "FREEAI_MAX_SITE_BODY_BYTES", 5 * 1024 * 1024, values.whole_number(1024, 1024 * 1024 * 1024)
)
DATA_UPLOAD_MAX_MEMORY_SIZE = FREEAI_MAX_SITE_BODY_BYTES
LOGIN_REDIRECT_URL = "admin:index"
ROOT_URLCONF = "freeai.urls"
ASGI_APPLICATION = "freeai.asgi.application"

INSTALLED_APPS = [
    "apps.console.apps.SiteConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "auditlog",
    "freeai",
    "apps.core",
    "apps.accounts",
    "apps.providers",
    "apps.clients",
    "apps.strategies",
    "apps.analytics",
    "apps.gateway",
    "apps.console",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "apps.core.security_headers.middleware",
    "django.middleware.security.SecurityMiddleware",
    "apps.console.policy.middleware",
    "apps.core.bodies.utf8_only",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "apps.core.bodies.RefuseNeedlessBodies",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.core.audit.middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
PROMETHEUS_EXPORT_MIGRATIONS = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"  # collectstatic is optional: the finders serve as well
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH, SERVESTATIC_ALLOW_ALL_ORIGINS = DEBUG, False

# --- data -------------------------------------------------------------------------------------------------------------------
FREEAI_DATABASE_CONNECT_TIMEOUT_S = env.read(
    "FREEAI_DATABASE_CONNECT_TIMEOUT_S", 5, values.whole_number(2, 3600)
)
FREEAI_DATABASE_STATEMENT_TIMEOUT_S = env.read(
    "FREEAI_DATABASE_STATEMENT_TIMEOUT_S", 15, values.whole_number(0, 86_400)
)
FREEAI_DATABASE_TCP_TIMEOUT_S = env.read("FREEAI_DATABASE_TCP_TIMEOUT_S", 10, values.whole_number(2, 3600))
FREEAI_DATABASE_TURN_TIMEOUT_S = env.read("FREEAI_DATABASE_TURN_TIMEOUT_S", 3, values.whole_number(1, 3600))
FREEAI_DATABASE_MAX_CONNECTIONS = env.read(
    "FREEAI_DATABASE_MAX_CONNECTIONS", 20, values.whole_number(1, 10_000)
)
FREEAI_DATABASE_POOLER = env.read("FREEAI_DATABASE_POOLER_URL", None, values.postgres_url)
SQLITE = DBConfig(ENGINE="django.db.backends.sqlite3", NAME=str(DATA_DIR / "freeai.sqlite3"))
DATABASES: dict[str, DBConfig] = {
    "default": {
        **env.read("FREEAI_DATABASE_URL", SQLITE, values.database_url),
        "CONN_MAX_AGE": 0,  # under ASGI every request has a thread of its own: a kept connection is kept for nobody
        "CONN_HEALTH_CHECKS": True,
    }
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"] |= {
        "ENGINE": "apps.core.postgres",
        "OPTIONS": postgres.options(
            DATABASES["default"].get("OPTIONS", {}),
            connect_s=FREEAI_DATABASE_CONNECT_TIMEOUT_S,
            statement_s=FREEAI_DATABASE_STATEMENT_TIMEOUT_S,
            tcp_s=FREEAI_DATABASE_TCP_TIMEOUT_S,
            most=FREEAI_DATABASE_MAX_CONNECTIONS,
        ),
    }
    if FREEAI_DATABASE_POOLER is not None:
        FREEAI_DATABASE_POOLER = postgres.through_pooler(
            FREEAI_DATABASE_POOLER, DATABASES["default"]["OPTIONS"]
        )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["apps.console.formats"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_HASHERS = [
    "apps.accounts.hashers.BoundedArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of older installations, until their next sign-in
]
CACHES: dict[str, dict[str, str]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": FREEAI_REDIS_URL}
    if FREEAI_REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- notices: who gets them is in the configuration -----------------------------------------------------------------------
FREEAI_NOTICE_SECRET = env.read("FREEAI_NOTICE_SECRET", "", values.token(16))
MAIL = env.read("FREEAI_MAIL_URL", values.MailServer(), values.mail_url)
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL, EMAIL_USE_TLS = MAIL
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.read("FREEAI_MAIL_FROM", "freeai@localhost", values.mail_address)

# --- single sign-on: installed where an issuer is named ---------------------------------------------------------------------
FREEAI_OIDC_ISSUER = env.read("FREEAI_OIDC_ISSUER", "", values.issuer)
FREEAI_OIDC_CLIENT_ID = env.read("FREEAI_OIDC_CLIENT_ID", "", values.anything)
FREEAI_OIDC_CLIENT_SECRET = env.read("FREEAI_OIDC_CLIENT_SECRET", "", values.anything)
FREEAI_OIDC_NAME = env.read("FREEAI_OIDC_NAME", "Single sign-on", values.anything)
FREEAI_OIDC_SCOPES = env.read("FREEAI_OIDC_SCOPES", ["openid", "profile", "email"], values.scopes)
FREEAI_OIDC_GROUPS_CLAIM = env.read("FREEAI_OIDC_GROUPS_CLAIM", "groups", values.anything)
NO_GROUPS: frozenset[str] = frozenset()
FREEAI_OIDC_STAFF_GROUPS = env.read("FREEAI_OIDC_STAFF_GROUPS", NO_GROUPS, values.names)
if FREEAI_OIDC_ISSUER:
    INSTALLED_APPS = [
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
        *INSTALLED_APPS,
    ]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    ACCOUNT_ADAPTER = "apps.accounts.sso.Accounts"
    ACCOUNT_EMAIL_VERIFICATION = "none"
    ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
    SOCIALACCOUNT_ADAPTER = "apps.accounts.sso.SocialAccounts"
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": FREEAI_OIDC_NAME,
                    "client_id": FREEAI_OIDC_CLIENT_ID,
                    "secret": FREEAI_OIDC_CLIENT_SECRET,
                    "settings": {
                        "server_url": FREEAI_OIDC_ISSUER,
                        "oauth_pkce_enabled": True,
                        "scope": FREEAI_OIDC_SCOPES,
                    },
                }
            ]
        }
    }

# --- /api -------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.clients.authentication.AdminTokenAuthentication",
        "apps.accounts.authentication.BearerAuthentication",
        "apps.accounts.authentication.CookieAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.parsers.StrictJSONParser"],
    "URL_FORMAT_OVERRIDE": None,  # else `?format=xml` says of any route that it is not there
    "EXCEPTION_HANDLER": "apps.core.api.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "apps.gateway.api.openapi.api.Schema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FreeAI",
    "DESCRIPTION": "`/v1` is for clients, with a client key; `/api` for operators and front ends.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["apps.gateway.api.openapi.lean.add"],
}
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(minutes=15), "REFRESH_TOKEN_LIFETIME": timedelta(days=7)}

# --- the audit --------------------------------------------------------------------------------------------------------------
FREEAI_AUDIT_KEEP_DAYS = env.read("FREEAI_AUDIT_KEEP_DAYS", 365, values.whole_number(0, 36_500))
AUDITLOG_MASK_CALLABLE = "apps.core.audit.mask"
AUDITLOG_INCLUDE_TRACKING_MODELS = audited.MODELS

# --- Celery: Redis in a fleet, a folder on a single host --------------------------------------------------------------------
BROKER_DIR = DATA_DIR / "broker"
CELERY_BROKER_URL = FREEAI_REDIS_URL or "filesystem://localhost//"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {}
    if FREEAI_REDIS_URL
    else {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
    }
)
# --- live traffic: from process to process by Redis in a fleet ----------------------------------------------------------------
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [FREEAI_REDIS_URL], "prefix": "freeai-live"},
    }
    if FREEAI_REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "rollup-usage": {"task": "apps.analytics.tasks.rollup_usage", "schedule": 3600.0},
    "purge-usage": {"task": "apps.analytics.tasks.purge_usage", "schedule": 3600.0},
    "purge-audit": {"task": "apps.core.tasks.purge_audit", "schedule": 3600.0},
    "purge-sign-ins": {"task": "apps.accounts.tasks.purge_sign_ins", "schedule": 3600.0},
    "read-due-lists": {"task": "apps.providers.listing.jobs.read_due_lists", "schedule": 300.0},
}

LOGGING_CONFIG = None  # freeai.logs configures structlog and the standard library together
