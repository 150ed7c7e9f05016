from django.db import migrations, models

from apps.providers.tasks import task_choices


class Migration(migrations.Migration):
    """The choices come from the table of tasks, so that a new one needs no migration. Nothing changes in the database."""

    dependencies = [("providers", "0003_weight_and_retries_bounds")]

    operations = [
        migrations.AlterField(
            model_name="providermodel",
            name="task",
            field=models.CharField(choices=task_choices, default="chat", max_length=20),
        ),
    ]
