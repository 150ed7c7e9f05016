from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="settings",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='What the provider needs beside the key, such as {"account_id": "…"}.',
            ),
        ),
    ]
