"""Archives that are not what they say."""

import io
import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from apps.gateway.backup import archive, restoring
from apps.gateway.backup.manifest import FORMAT, BackupError, File, Manifest, encode

MANIFEST = Manifest(
    format=FORMAT,
    version="0.1.0",
    made_at="2026-11-27T12:00:00+00:00",
    vendor="sqlite",
    migrations=[],
    rows={},
    master_keys=[],
    holds_secrets=False,
    files={},
)


def packed(path: Path, manifest: Manifest, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        text = encode(manifest)
        head = tarfile.TarInfo("manifest.json")
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content))
    return path


def described(tmp_path: Path, content: bytes) -> File:
    (tmp_path / "described").write_bytes(content)
    return archive.described(tmp_path / "described")


def test_what_is_written_is_what_comes_out(tmp_path: Path):
    source = tmp_path / "database.sqlite3"
    source.write_bytes(b"rows" * 1000)
    manifest = replace(MANIFEST, files={source.name: archive.described(source)})

    archive.write(tmp_path / "file", manifest, {source.name: source})
    again = archive.extract(tmp_path / "file", tmp_path / "out")

    assert again == manifest
    assert (tmp_path / "out" / source.name).read_bytes() == source.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["database.sqlite3", "file", "out"]


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/cron.d/evil", "spool/../../evil.jsonl", "secrets/authorized_keys", "spool/a/b/c.jsonl"],
)
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path):
    content = b"x"
    file = packed(
        tmp_path / "f", replace(MANIFEST, files={name: described(tmp_path, content)}), {name: content}
    )

    with pytest.raises(BackupError, match="holds what no backup does"):
        archive.extract(file, tmp_path / "out")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_nothing_but_files(kind: bytes, tmp_path: Path):
    name = "database.sqlite3"
    file = packed(tmp_path / "f", replace(MANIFEST, files={name: File(0, "")}), {name: b""}, kind)

    with pytest.raises(BackupError, match="holds what no backup does"):
        archive.extract(file, tmp_path / "out")


@pytest.mark.parametrize("content", [b"other", b"longer than it was"])
def test_what_was_changed_is_told(content: bytes, tmp_path: Path):
    name = "database.sqlite3"
    manifest = replace(MANIFEST, files={name: described(tmp_path, b"right")})

    with pytest.raises(BackupError, match="is damaged"):
        archive.extract(packed(tmp_path / "f", manifest, {name: content}), tmp_path / "out")


def test_what_is_missing_is_told(tmp_path: Path):
    manifest = replace(MANIFEST, files={"database.sqlite3": File(1, "00")})

    with pytest.raises(BackupError, match="is cut off"):
        archive.extract(packed(tmp_path / "f", manifest, {}), tmp_path / "out")


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_that_was_cut_off(share: float, tmp_path: Path):
    source = tmp_path / "database.sqlite3"
    source.write_bytes(bytes(range(256)) * 2000)
    archive.write(
        tmp_path / "whole",
        replace(MANIFEST, files={source.name: archive.described(source)}),
        {source.name: source},
    )
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "part").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(BackupError, match=r"Use another backup|no backup of FreeAI"):
        archive.extract(tmp_path / "part", tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\x00"])
def test_what_is_no_archive(content: bytes, tmp_path: Path):
    (tmp_path / "f").write_bytes(content)

    with pytest.raises(BackupError):
        archive.read_manifest(tmp_path / "f")


@pytest.mark.parametrize(
    ("migrations", "is_newer"),
    [
        (["core.9999_of_next_year"], True),
        (["core.0001_initial", "an_app_that_was_removed.0001_initial"], False),
    ],
)
def test_a_database_of_a_later_version_is_not_restored(migrations: list[str], is_newer: bool, tmp_path: Path):
    manifest = replace(MANIFEST, migrations=migrations, version="9.0", vendor="of another vendor")

    with pytest.raises(BackupError) as refused:
        restoring.restore(packed(tmp_path / "f", manifest, {}))

    assert (
        "of a newer version (9.0) than this one: it has core.9999_of_next_year" in str(refused.value)
    ) == is_newer


def test_a_later_format_is_for_a_later_version(tmp_path: Path):
    file = packed(tmp_path / "f", replace(MANIFEST, format=FORMAT + 1, version="9.0"), {})

    with pytest.raises(BackupError, match=r"made by FreeAI 9\.0"):
        archive.read_manifest(file)
