"""`app_config`: the one row of settings that an operator changes while the gateway runs."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.gateway.config import Config
from apps.providers.models import MAX_RETRIES

DEFAULTS = Config()
POSITIVE = [MinValueValidator(0.1), MaxValueValidator(86_400)]


class AppConfig(models.Model):
    """Timeouts, retries and the circuit breaker. Times in seconds."""

    stream_idle_timeout_s = models.FloatField(
        default=DEFAULTS.stream_idle_timeout_s,
        validators=POSITIVE,
        help_text="Longest silence within a streamed answer; comments break none once it has begun.",
    )
    first_content_timeout_s = models.FloatField(
        default=DEFAULTS.first_content_timeout_s,
        validators=POSITIVE,
        help_text="Longest wait for the first content of a streamed answer, per attempt, whatever comments come.",
    )
    response_timeout_s = models.FloatField(
        default=DEFAULTS.response_timeout_s,
        validators=POSITIVE,
        help_text="Longest wait for a whole answer, per attempt.",
    )
    connect_timeout_s = models.FloatField(default=DEFAULTS.connect_timeout_s, validators=POSITIVE)
    total_timeout_s = models.FloatField(
        default=DEFAULTS.total_timeout_s,
        validators=POSITIVE,
        help_text="Budget of a whole request, all attempts included.",
    )
    provider_max_retries = models.PositiveSmallIntegerField(
        default=DEFAULTS.provider_max_retries, validators=[MaxValueValidator(MAX_RETRIES)]
    )
    attempts_per_credential = models.PositiveSmallIntegerField(
        default=DEFAULTS.attempts_per_credential,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How often one request may fail at one account, whatever the model, before it goes on to others.",
    )
    circuit_breaker_threshold = models.PositiveSmallIntegerField(
        default=DEFAULTS.circuit_breaker_threshold, validators=[MinValueValidator(1)]
    )
    circuit_breaker_window_s = models.FloatField(
        default=DEFAULTS.circuit_breaker_window_s, validators=POSITIVE
    )
    circuit_breaker_base_s = models.FloatField(default=DEFAULTS.circuit_breaker_base_s, validators=POSITIVE)
    circuit_breaker_max_s = models.FloatField(default=DEFAULTS.circuit_breaker_max_s, validators=POSITIVE)
    default_strategy = models.CharField(max_length=60, default=DEFAULTS.default_strategy)

    class Meta:
        db_table = "app_config"
        verbose_name = verbose_name_plural = "configuration"

    def __str__(self) -> str:
        return "configuration"
