"""Strategies: named rule sets that filter and score candidates."""

from django.db import models

from apps.core.odd_names import plain_name


class Strategy(models.Model):
    """`definition` is `{"require": [{"when"}], "prefer": [{"when", "weight"}]}`; `shipped` is a built-in's own, to go back to."""

    name = models.SlugField(max_length=60, unique=True)
    description = models.CharField(max_length=300, blank=True, validators=[plain_name])
    is_builtin = models.BooleanField(default=False, editable=False)
    definition = models.JSONField(default=dict, blank=True)
    shipped = models.JSONField(default=dict, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-is_builtin", "name"]
        verbose_name_plural = "strategies"

    def __str__(self) -> str:
        return self.name
