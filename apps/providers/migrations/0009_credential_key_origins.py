"""Keys are bound to the addresses that they were stored for: those that are stored already, to the present ones."""

from django.db import migrations, models

from apps.providers.destinations import destinations


def bind(apps, _schema_editor):
    for credential in apps.get_model("providers", "Credential").objects.exclude(encrypted_key="").select_related("provider"):
        credential.key_origins = sorted(destinations(credential.provider.base_url, credential.provider.wire))
        credential.save(update_fields=["key_origins"])


class Migration(migrations.Migration):

    dependencies = [
        ("providers", "0008_provider_reset_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="key_origins",
            field=models.JSONField(blank=True, default=list, editable=False, help_text="Addresses that the key may be sent to: those of the provider when it was stored."),
        ),
        migrations.RunPython(bind, migrations.RunPython.noop),
    ]
