"""Client keys for `/v1` and admin tokens for `/api`. Only hashes are stored."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.core.odd_names import plain_name

MAX_NAME = 80
MAX_RPM = 1_000_000
MAX_RPD = 100_000_000
MAX_TOKENS = 2_000_000_000
MIN_WEIGHT, MAX_WEIGHT = 0.01, 100.0
MAX_ALLOWED = 500
MAX_ALLOWED_NAME = 200
"""Of the lists of models and strategies: entries, and characters of one."""


class DataUse(models.TextChoices):
    """What may become of what a key sends: whatever providers do, or nothing that trains a model."""

    ANY = "any"
    NO_TRAINING = "no_training"


def _limit(most: int, what: str) -> "models.PositiveIntegerField[int, int]":
    bound = [MaxValueValidator(most)]
    return models.PositiveIntegerField(default=0, validators=bound, help_text=f"{what}; 0 for unlimited.")


class ClientKey(models.Model):
    """A `fai_…` key, shown once when issued. `key_hash` is the SHA-256 of the whole key, in hex; `previous_hash` that of the one before,
    which opens until `previous_until`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="client_keys")
    name = models.CharField(max_length=MAX_NAME, validators=[plain_name])
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_preview = models.CharField(max_length=20, editable=False)
    previous_hash = models.CharField(max_length=64, blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    rpm_limit = _limit(MAX_RPM, "Requests per minute")
    rpd_limit = _limit(MAX_RPD, "Requests per day of UTC")
    tpm_limit = _limit(MAX_TOKENS, "Tokens per minute")
    tpd_limit = _limit(MAX_TOKENS, "Tokens per day of UTC")
    weight = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(MIN_WEIGHT), MaxValueValidator(MAX_WEIGHT)],
        help_text="Its share beside other keys where there is not enough for all.",
    )
    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    allowed_models = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    allowed_strategies = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    allowed_endpoints = models.JSONField(default=list, blank=True, help_text="Empty: all.")
    data_use = models.CharField(
        max_length=20,
        choices=DataUse,
        default=DataUse.ANY,
        help_text="no_training: never a provider that may train on what is sent.",
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.key_preview})"


class AdminToken(models.Model):
    """A token for the `X-Admin-Token` header; it acts as the first superuser."""

    name = models.CharField(max_length=MAX_NAME, validators=[plain_name])
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token_preview = models.CharField(max_length=20, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_preview})"
