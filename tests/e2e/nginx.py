"""An nginx of the test's own, which keeps all that it writes in a folder."""

import os
from pathlib import Path

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def command(folder: Path, http: str) -> list[str]:
    """What runs it in the foreground, with this in its block `http`."""
    kept = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in TEMPORARY)
    whose = "user root root; " if os.geteuid() == 0 else ""  # the folder is the test's own
    head = f"{whose}daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; events {{}}"
    config = folder / "nginx.conf"
    config.write_text(f"{head}\nhttp {{ access_log off; {kept}\n{http}\n}}")
    return ["nginx", "-p", str(folder), "-c", str(config)]
