"""`manage.py document_rights`: write the table of rights into docs/ADMIN_API.md."""

from apps.core.management.documents import DocumentCommand


class Command(DocumentCommand):
    help = (
        "Write who may what in /api into docs/ADMIN_API.md, as the views declare it. "
        "Exit codes: 0 done, 1 with --check when something would change, 2 for an invalid document."
    )
    document = "ADMIN_API.md"
    source = "the views declare"

    def written(self, text: str) -> str:
        from apps.gateway.api.rights import written  # late: it imports every view

        return written(text)
