"""Take the steps of docker/Dockerfile in a clean directory, without Docker: `python docker/rehearse.py FOLDER`.

Each stage is a folder: `/opt/venv` of the stage `build` is `FOLDER/build/opt/venv`. COPY sees what .dockerignore leaves, RUN has the
Dockerfile's environment and nothing of ours, the base image is the Python that runs this. Not rehearsed are the base image itself and steps
that make users.
"""

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
OWN = re.compile(r"(?<![\w./-])/(?:opt|app|data)(?=[/\s\"']|$)")
"""Absolute paths that are a stage's own. Others are the base image's."""
BASE_PATH = f"{Path(sys.executable).resolve().parent}:/usr/local/bin:/usr/bin:/bin"
"""Of the base image: its Python is the one that runs this."""


@dataclass
class Stage:
    """What a stage has come to: its folder, and what the instructions set. `volumes` are made, and empty."""

    folder: Path
    base: str
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    volumes: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Where a path of the image is, relative ones from the working directory."""
        return self.folder / str(PurePosixPath(self.workdir) / path).lstrip("/")

    def here(self, text: str) -> str:
        """`text` with the paths of the image led into the folder."""
        return OWN.sub(lambda found: f"{self.folder}{found[0]}", text)

    def note(self, word: str, text: str) -> None:
        """Take over an instruction that says something of the image."""
        match word:
            case "ENV":
                found = re.findall(r"(\w+)=(\S+)", text)
                self.env |= {name: value.replace("$PATH", BASE_PATH) for name, value in found}
            case "WORKDIR":
                self.workdir = text
                self.at("").mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = text
            case "VOLUME":
                self.volumes.append(text)
            case "CMD":
                self.command = json.loads(text)
            case "HEALTHCHECK":
                self.healthcheck = json.loads(text[text.index("[") :])

    def environment(self) -> dict[str, str]:
        """What a process in the container sees."""
        own = {name: self.here(value) for name, value in self.env.items()}
        return {"PATH": BASE_PATH, "LANG": "C.UTF-8"} | own


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """Each instruction in capitals with its text, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def context(root: Path) -> list[Path]:
    """The files that .dockerignore leaves, relative to `root`: the last pattern that fits decides."""
    lines = [line.strip() for line in (root / ".dockerignore").read_text().splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    top = {line[1:].split("/")[0] for line in patterns if line.startswith("!")}
    files = [path for name in sorted(top) for path in _files(root / name)]
    return [each for path in files if not _is_ignored(each := path.relative_to(root), patterns)]


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (each for each in sorted(path.rglob("*")) if each.is_file())
    elif path.is_file():
        yield path


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        bare = pattern.removeprefix("!").removeprefix("**/")
        names = (path.parts if "**/" in pattern else ()) + (path.as_posix(),)
        below = any(fnmatch.fnmatch(parent.as_posix(), bare) for parent in path.parents)
        if below or any(fnmatch.fnmatch(name, bare) for name in names):
            ignored = not pattern.startswith("!")
    return ignored


class Rehearsal:
    """Builds into `folder`. `extras` as the build argument EXTRAS."""

    def __init__(self, folder: Path, root: Path = ROOT, extras: str = "") -> None:
        self._folder = folder
        self._root = root
        self._args = {"EXTRAS": extras}
        self._files = context(root)
        self.stages: dict[str, Stage] = {}

    def build(self) -> Stage:
        """The last stage. Raises subprocess.CalledProcessError, FileNotFoundError, ValueError for an instruction that is not known here."""
        stage = Stage(self._folder, "")
        for word, text in instructions(self._root / "docker" / "Dockerfile"):
            if word == "FROM":
                stage = self._begin(text)
            else:
                self._step(stage, word, text)
        for volume in stage.volumes:
            stage.at(volume).mkdir(parents=True, mode=0o700)
        return stage

    def _begin(self, text: str) -> Stage:
        image, _, name = text.partition(" AS ")
        name = name.strip() or "image"
        stage = self.stages[name] = Stage(self._folder / name, image)
        stage.folder.mkdir(parents=True)
        return stage

    def _step(self, stage: Stage, word: str, text: str) -> None:
        match word:
            case "RUN":
                self._run(stage, text)
            case "COPY":
                self._copy(stage, text)
            case "ENV" | "WORKDIR" | "USER" | "VOLUME" | "CMD" | "HEALTHCHECK":
                stage.note(word, text)
            case "ARG":
                name, _, default = text.partition("=")
                self._args.setdefault(name, default.strip('"'))
            case "EXPOSE":
                pass
            case _:
                raise ValueError(f"{word} is not rehearsed.")

    def _run(self, stage: Stage, text: str) -> None:
        if "useradd" in text:
            return
        self._say(f"RUN {text}")
        env = (
            stage.environment()
            | self._args
            | {name: os.environ[name] for name in INSTALL if name in os.environ}
        )
        subprocess.run(  # noqa: S603 - the Dockerfile's own steps
            ["/bin/sh", "-euc", stage.here(text)], cwd=stage.at(""), env=env, check=True
        )

    def _copy(self, stage: Stage, text: str) -> None:
        self._say(f"COPY {text}")
        source_stage = None
        if text.startswith("--from="):
            name, _, text = text.removeprefix("--from=").partition(" ")
            source_stage = self.stages[name]
        *sources, target = text.split()
        for source in sources:
            if source_stage is not None:
                shutil.copytree(source_stage.at(source), stage.at(target), symlinks=True)
            else:
                self._copy_from_context(source, stage.at(target), is_folder=target.endswith("/"))

    def _copy_from_context(self, source: str, target: Path, *, is_folder: bool) -> None:
        below = [path for path in self._files if path.is_relative_to(source)]
        if not below:
            raise FileNotFoundError(f"COPY {source}: .dockerignore leaves nothing of it.")
        for path in below:
            inner = path.relative_to(source).as_posix()
            into = target / path.name if inner == "." and is_folder else target / inner
            into = target if inner == "." and not is_folder else into
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._root / path, into)

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{text[:140]}\n")


INSTALL = (
    "PIP_CONFIG_FILE",
    "PIP_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_CACHE_DIR",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "NO_PROXY",
)
"""How packages are reached from this machine, which is no matter of the image."""


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    parser.add_argument("--extras", default="", help="the build argument EXTRAS")
    options = parser.parse_args()
    stage = Rehearsal(options.folder.resolve(), extras=options.extras).build()
    sys.stdout.write(
        f"cd {stage.at('')} && env {' '.join(f'{k}={v}' for k, v in stage.environment().items())} \\\n"
    )
    sys.stdout.write(f"  {' '.join(stage.command)}\n")


if __name__ == "__main__":
    main()
