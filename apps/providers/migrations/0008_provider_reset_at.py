from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0007_kinds_of_windows"),
    ]

    operations = [
        migrations.AddField(
            model_name="provider",
            name="reset_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When it was last reset: what closed its accounts before counts no more.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="credential",
            name="trusted_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When the key was stored, last passed a test, or was reset: what closed the account before counts no more.",
                null=True,
            ),
        ),
    ]
