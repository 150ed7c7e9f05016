"""FreeAI: settings, URLs, ASGI and Celery of the project."""
