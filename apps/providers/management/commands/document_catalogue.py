"""`manage.py document_catalogue`: write the catalogue's tables into docs/PROVIDERS.md."""

from apps.core.management.documents import DocumentCommand
from apps.providers.catalogue_files import CatalogueError, read_catalogue
from apps.providers.catalogue_tables import written


class Command(DocumentCommand):
    help = (
        "Write the tables of providers and of their notes into docs/PROVIDERS.md. "
        "Exit codes: 0 done, 1 with --check when something would change, 2 for an invalid catalogue or document."
    )
    document = "PROVIDERS.md"
    source = "the catalogue says"

    def written(self, text: str) -> str:
        try:
            return written(text, read_catalogue())
        except CatalogueError as error:
            raise ValueError(str(error)) from error
