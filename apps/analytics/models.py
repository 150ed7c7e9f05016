"""The usage ledger."""

from django.db import models


class UsageEventRow(models.Model):
    """One attempt: see `apps.analytics.events.UsageEvent`. Users and clients by number, without a constraint: the ledger outlives them."""

    id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField()
    request_id = models.CharField(max_length=64)
    user_id = models.BigIntegerField()
    client_id = models.BigIntegerField(null=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    strategy = models.CharField(max_length=60, blank=True)
    virtual_model = models.CharField(max_length=80, blank=True)
    endpoint = models.CharField(max_length=20)
    stream = models.BooleanField(default=False)
    outcome = models.CharField(max_length=20)
    error_kind = models.CharField(max_length=20, blank=True)
    upstream_status = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.FloatField(null=True)
    ttfb_ms = models.FloatField(null=True)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    estimated = models.BooleanField(default=False)
    fallback_position = models.PositiveSmallIntegerField(default=1)
    cost_microusd = models.BigIntegerField(default=0)
    saved_microusd = models.BigIntegerField(default=0)

    class Meta:
        db_table = "usage_events"
        ordering = ["-at"]
        verbose_name = "usage event"
        indexes = [
            models.Index(fields=["at"], name="usage_events_at"),
            models.Index(fields=["request_id"], name="usage_events_request"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.provider}/{self.model} {self.outcome}"
