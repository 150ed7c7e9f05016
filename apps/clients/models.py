"""Client keys for `/v1` and admin tokens for `/api`. Only hashes are stored."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models

MAX_NAME = 80
MAX_RPM = 1_000_000
MAX_ALLOWED = 500
MAX_ALLOWED_NAME = 200
"""Of the lists of models and strategies: entries, and characters of one."""


class ClientKey(models.Model):
    """A `fai_…` key, shown once when issued. `key_hash` is the SHA-256 of the whole key, in hex."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="client_keys")
    name = models.CharField(max_length=MAX_NAME)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_preview = models.CharField(max_length=20, editable=False)
    rpm_limit = models.PositiveIntegerField(
        default=0, validators=[MaxValueValidator(MAX_RPM)], help_text="Requests per minute; 0 for unlimited."
    )
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    allowed_models = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    allowed_strategies = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.key_preview})"


class AdminToken(models.Model):
    """A token for the `X-Admin-Token` header; it acts as the first superuser."""

    name = models.CharField(max_length=MAX_NAME)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token_preview = models.CharField(max_length=20, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_preview})"
