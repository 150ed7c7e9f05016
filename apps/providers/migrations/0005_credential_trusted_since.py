
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0004_task_choices'),
    ]

    operations = [
        migrations.AddField(
            model_name='credential',
            name='trusted_since',
            field=models.DateTimeField(blank=True, editable=False, help_text='When the key was stored, or last passed a test: what refused it before counts no more.', null=True),
        ),
    ]
