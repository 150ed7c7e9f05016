from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0008_request_decisions'),
    ]

    operations = [
        migrations.AddField(
            model_name='appconfig',
            name='model_names',
            field=models.TextField(blank=True, default='claude*haiku* = freeai-fast\nclaude*opus* = freeai-quality\nclaude* = freeai-code', help_text='What names of models mean on /v1/messages, one a line: pattern = model. The first that matches counts.', max_length=25000),
        ),
    ]
