"""Celery beside a gateway on a single host: light while nothing is due."""
