"""Django settings, driven by `FREEAI_*` variables (the table is docs/OPERATIONS.md § 2). Nothing needs setting to start."""

import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from cryptography.fernet import Fernet

from freeai import env, postgres

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("FREEAI_DATA_DIR") or BASE_DIR / "var").resolve()

# --- secrets: from the environment, else made once in var/secrets -----------------------------------------------------------
SECRET_KEY = env.secret(
    "FREEAI_SECRET_KEY", DATA_DIR / "secrets" / "secret_key", lambda: secrets.token_urlsafe(50)
)
FREEAI_MASTER_KEYS = [
    key.strip()
    for key in env.secret(
        "FREEAI_MASTER_KEYS", DATA_DIR / "secrets" / "master_keys", lambda: Fernet.generate_key().decode()
    ).split(",")
    if key.strip()
]

# --- how it runs ------------------------------------------------------------------------------------------------------------
DEBUG = env.flag("FREEAI_DEBUG")
FREEAI_REDIS_URL = env.text("FREEAI_REDIS_URL")
FREEAI_WORKERS = env.integer("FREEAI_WORKERS", 1, minimum=1)
FREEAI_ADMIN_TOKEN = env.text("FREEAI_ADMIN_TOKEN")
FREEAI_METRICS_TOKEN = env.text("FREEAI_METRICS_TOKEN")
FREEAI_MAX_BODY_BYTES = env.integer("FREEAI_MAX_BODY_BYTES", 26 * 1024 * 1024, minimum=1024)
FREEAI_SHUTDOWN_GRACE_S = env.integer("FREEAI_SHUTDOWN_GRACE_S", 30)
FREEAI_LOG_LEVEL = env.text("FREEAI_LOG_LEVEL", "info").lower()
FREEAI_LOG_FORMAT = env.text(
    "FREEAI_LOG_FORMAT", "console" if sys.stderr is not None and sys.stderr.isatty() else "json"
).lower()
FREEAI_SPOOL_DIR = DATA_DIR / "spool"

# --- the web ----------------------------------------------------------------------------------------------------------------
PUBLIC_URL = env.text("FREEAI_PUBLIC_URL")
SECURE = urlsplit(PUBLIC_URL).scheme == "https"
ALLOWED_HOSTS = env.listing("FREEAI_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
if PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(PUBLIC_URL).hostname or "")
    CSRF_TRUSTED_ORIGINS = [f"{urlsplit(PUBLIC_URL).scheme}://{urlsplit(PUBLIC_URL).netloc}"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("FREEAI_TRUST_PROXY") else None
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
ROOT_URLCONF = "freeai.urls"
ASGI_APPLICATION = "freeai.asgi.application"

INSTALLED_APPS = [
    *(
        ["daphne"] if "runserver" in sys.argv else []
    ),  # it brings Twisted; uvicorn serves, daphne only develops
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_prometheus",
    "apps.core",
    "apps.providers",
    "apps.clients",
    "apps.strategies",
    "apps.analytics",
    "apps.gateway",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
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
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG

# --- data -------------------------------------------------------------------------------------------------------------------
FREEAI_DATABASE_TURN_TIMEOUT_S = env.integer("FREEAI_DATABASE_TURN_TIMEOUT_S", 3, minimum=1)
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        env.text("FREEAI_DATABASE_URL") or f"sqlite:///{DATA_DIR / 'freeai.sqlite3'}",
        conn_max_age=0,  # under ASGI every request has a thread of its own: a kept connection is kept for nobody
        conn_health_checks=True,
    )
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
            connect_s=env.integer("FREEAI_DATABASE_CONNECT_TIMEOUT_S", 5, minimum=2),
            statement_s=env.integer("FREEAI_DATABASE_STATEMENT_TIMEOUT_S", 15),
            tcp_s=env.integer("FREEAI_DATABASE_TCP_TIMEOUT_S", 10, minimum=2),
            most=env.integer("FREEAI_DATABASE_MAX_CONNECTIONS", 20, minimum=1),
        ),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": FREEAI_REDIS_URL}
    if FREEAI_REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- /api -------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.clients.authentication.AdminTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "apps.core.api.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

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
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "purge-usage": {"task": "apps.analytics.tasks.purge_usage", "schedule": 3600.0},
}

LOGGING_CONFIG = None  # freeai.logs configures structlog and the standard library together
