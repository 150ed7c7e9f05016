"""The tables of core: the snapshot versions, which must commit together with the rows that they announce, and when scheduled tasks last
ended."""

from django.db import models


class SnapshotVersion(models.Model):
    """How often the rows of one snapshot section were changed."""

    section = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.section} v{self.version}"


class TaskRun(models.Model):
    """When a task of the schedule last ended well: what tells, in whichever process it is asked, that beat and a worker are alive. And when
    a fleet's gateways last said so (`gateway/process/fleet_mark`)."""

    name = models.CharField(max_length=100, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "task_runs"

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
