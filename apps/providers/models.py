"""Providers, the models that they offer, and the users' credentials for them."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.providers.tasks import task_choices

MAX_WEIGHT = 1000.0
MAX_RETRIES = 10
MAX_MODEL_NAME = 200

WEIGHT = [MinValueValidator(0.0), MaxValueValidator(MAX_WEIGHT)]


class Shipped(models.Model):
    """A row that came with the catalogue. `shipped` holds the values of the last sync: a field that differs was edited and stays."""

    shipped = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        abstract = True


class Provider(Shipped):
    """A catalogue entry: an upstream API and how to speak to it."""

    name = models.SlugField(max_length=40, unique=True)
    display_name = models.CharField(max_length=80)
    base_url = models.CharField(max_length=300)
    wire = models.JSONField(
        default=dict,
        blank=True,
        help_text="How its wire differs from its family's: apps.providers.types.Preset.",
    )
    enabled = models.BooleanField(default=True)
    weight = models.FloatField(default=1.0, validators=WEIGHT)
    tags = models.JSONField(default=list, blank=True)
    limits = models.JSONField(
        default=list,
        blank=True,
        help_text='Quota windows of the account: [{"metric", "unit", "limit", "rolling"?, "zone"?}].',
    )
    default_model = models.CharField(max_length=MAX_MODEL_NAME, blank=True)
    requires_key = models.BooleanField(default=True)
    key_url = models.URLField(blank=True, help_text="Where a user gets a key.")
    is_custom = models.BooleanField(default=False, help_text="Added by an operator, not from the catalogue.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ProviderModel(Shipped):
    """A model that a provider offers, with its capabilities, context window, limits and price."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=MAX_MODEL_NAME, help_text="The upstream's own id.")
    task = models.CharField(max_length=20, choices=task_choices, default="chat")
    enabled = models.BooleanField(default=True)
    capabilities = models.JSONField(default=list, blank=True)
    context_window = models.PositiveIntegerField(default=0, help_text="Tokens; 0 when unknown.")
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    limits = models.JSONField(default=list, blank=True, help_text="Quota windows of this model alone.")
    prompt_microusd = models.BigIntegerField(
        null=True, blank=True, help_text="Micro-dollars per million prompt tokens."
    )
    completion_microusd = models.BigIntegerField(null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["provider", "name"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="one_model_name_per_provider")
        ]

    def __str__(self) -> str:
        return f"{self.provider.name}/{self.name}"


class Credential(models.Model):
    """One user's key for one provider, with overrides. None means: as in the catalogue."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="credentials")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="credentials")
    encrypted_key = models.TextField(blank=True, editable=False)
    key_preview = models.CharField(max_length=20, blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    rpm_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per minute; 0 for unlimited."
    )
    rpd_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per day; 0 for unlimited."
    )
    tpd_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tokens per day; 0 for unlimited."
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        help_text='{"requests": {"second", "minute", "hour", "day", "month"}, "tokens": {…}}',
    )
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text='What the provider needs beside the key, such as {"account_id": "…"}.',
    )
    weight = models.FloatField(null=True, blank=True, validators=WEIGHT)
    default_model = models.CharField(max_length=MAX_MODEL_NAME, blank=True)
    max_retries = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MAX_RETRIES)]
    )
    trusted_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the key was stored, or last passed a test: what refused it before counts no more.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["user", "provider"]
        constraints = [
            models.UniqueConstraint(fields=["user", "provider"], name="one_credential_per_user_and_provider")
        ]

    def __str__(self) -> str:
        return f"{self.user} @ {self.provider.name}"
