"""The bill of materials of what serves: components, versions and hashes as they are locked, licences as the installed packages state them.

`python requirements/bill.py LOCKED INSTALLED > BILL`: two CycloneDX documents of cyclonedx-py, of the lock and of an environment that was
installed from it. Exit codes: 0 written, 1 a package is locked in another version than it is installed in.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class OtherVersionError(Exception):
    """What is installed is not what is locked."""


def bill(locked: Document, installed: Document) -> Document:
    """`locked`, with licences, descriptions and who needs whom; nothing is known of what is locked for other platforms than this one.

    Raises OtherVersionError.
    """
    known = {_name(each): each for each in installed["components"]}
    components = [_told(each, known.get(_name(each))) for each in locked["components"]]
    refs = {known[name]["bom-ref"]: each["bom-ref"] for each in components if (name := _name(each)) in known}
    needed = [
        {
            "ref": refs[each["ref"]],
            "dependsOn": [refs[ref] for ref in each.get("dependsOn", ()) if ref in refs],
        }
        for each in installed.get("dependencies", ())
        if each["ref"] in refs
    ]
    return locked | {"components": components, "dependencies": needed}


def _told(component: Document, installed: Document | None) -> Document:
    name, version = component["name"], component["version"]
    told = component | {"bom-ref": f"{name}=={version}"}
    told.pop("description", None)  # the line of the lock, hashes and all
    if installed is None:
        return told
    if installed["version"] != version:
        raise OtherVersionError(f"{name} is locked as {version}, and installed as {installed['version']}.")
    return told | {field: installed[field] for field in ("description", "licenses") if field in installed}


def _name(component: Document) -> str:
    return re.sub(r"[-_.]+", "-", component["name"]).lower()


def main() -> int:
    locked, installed = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    try:
        made = bill(locked, installed)
    except OtherVersionError as error:
        sys.stderr.write(f"{error} Run `make setup`.\n")
        return 1
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
