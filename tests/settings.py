"""Settings of the test run: a data directory of its own, in-process state, and PostgreSQL where FREEAI_TEST_DATABASE_URL names one."""

import atexit
import os
import shutil
import tempfile

from cryptography.fernet import Fernet

_data_dir = tempfile.mkdtemp(prefix="freeai-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
for _name in [
    name for name in os.environ if name.startswith("FREEAI_") and not name.startswith("FREEAI_TEST_")
]:
    del os.environ[_name]
os.environ["FREEAI_DATA_DIR"] = _data_dir
os.environ["FREEAI_SECRET_KEY"] = "of the tests " * 5
os.environ["FREEAI_MASTER_KEYS"] = Fernet.generate_key().decode()
if _url := os.environ.get("FREEAI_TEST_DATABASE_URL"):
    os.environ["FREEAI_DATABASE_URL"] = _url

from freeai.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, as in production: threads of an in-memory database share a cache and lock each other out.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # noqa: F405
STATIC_ROOT.mkdir()  # noqa: F405 - as set-up does
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Every test client loads the middleware anew, which then would look at each static file: what serves them has its tests in tests/e2e.
SERVESTATIC_USE_FINDERS = False
