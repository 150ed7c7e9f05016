"""`manage.py document_settings`: write the variables and the settings into docs/CONFIGURATION.md."""

from apps.core.management.documents import DocumentCommand
from freeai.configuration import written


class Command(DocumentCommand):
    help = (
        "Write the FREEAI_* variables, what each takes, and the settings of a running gateway into docs/CONFIGURATION.md, as the code has "
        "them. Exit codes: 0 done, 1 with --check when something would change, 2 where words and code do not fit."
    )
    document = "CONFIGURATION.md"
    source = "the settings say"

    def written(self, text: str) -> str:
        return written(text)
