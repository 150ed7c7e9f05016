"""The one table of core: the snapshot versions, which must commit together with the rows that they announce."""

from django.db import models


class SnapshotVersion(models.Model):
    """How often the rows of one snapshot section were changed."""

    section = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.section} v{self.version}"
