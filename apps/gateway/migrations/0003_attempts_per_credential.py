
import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0002_first_content_timeout'),
    ]

    operations = [
        migrations.AddField(
            model_name='appconfig',
            name='attempts_per_credential',
            field=models.PositiveSmallIntegerField(default=3, help_text='How often one request may fail at one account, whatever the model, before it goes on to others.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)]),
        ),
    ]
