"""Model lists for tests: entries in the shape of a provider that tells everything, and a provider that is read from the fake."""

from datetime import timedelta

from apps.core.models import SnapshotVersion
from apps.providers.catalogue_files import read_catalogue
from apps.providers.credentials import set_key
from apps.providers.listing import sync
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import load

ENTRIES = {entry.name: entry for entry in read_catalogue()}
KEY = "sk-or-v1-canary-0123456789abcdef"


def entry(name, *, price="0", window=65_536, out=8_192, parameters=("tools",), images=False, expires=None):
    """As OpenRouter lists a model."""
    return {
        "id": name,
        "canonical_slug": name,
        "name": name,
        "created": 1_740_000_000,
        "context_length": window,
        "architecture": {
            "input_modalities": ["text", "image"] if images else ["text"],
            "output_modalities": ["text"],
        },
        "pricing": {"prompt": price, "completion": price, "request": "0", "image": "0"},
        "top_provider": {"context_length": window, "max_completion_tokens": out, "is_moderated": False},
        "supported_parameters": ["max_tokens", *parameters],
        "expiration_date": expires,
    }


def provider(fake, name="openrouter", **fields):
    """The catalogue's provider at the fake, without its models."""
    shipped = ENTRIES[name]
    fields = {"display_name": shipped.display_name, "wire": shipped.wire, "base_url": fake.url(name)} | fields
    return Provider.objects.create(name=name, **fields)


def credential(user, at, key=KEY):
    return Credential.objects.select_related("provider").get(pk=set_key(user, at, key).pk)


def fresh(row):
    return Credential.objects.select_related("provider", "user").get(pk=row.pk)


def read(row, **options):
    """What reading its list comes to, now."""
    return sync.read_list(fresh(row), **options)


def model(name):
    return ProviderModel.objects.get(name=name)


def names():
    return set(ProviderModel.objects.values_list("name", flat=True))


def chosen(user, task="chat"):
    """The models that virtual models may use."""
    return {offer.model for offer in load(None).offers_for(user.pk, task)}


def days(number):
    return timedelta(days=number)


def asked(fake, family="models"):
    """How often the fake was asked."""
    return sum(received.family == family for received in fake.journal)


def version():
    """The snapshot's: it moves when other processes have to read anew."""
    return SnapshotVersion.objects.get(section="providers").version
