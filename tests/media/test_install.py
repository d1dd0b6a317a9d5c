"""MediaMTX is installed whole, checked and in one step, or not at all."""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edged.cli import main
from edged.errors import EdgedError, StartupError
from edged.media import choose
from edged.media import install as installing
from edged.media.install import InstallError, from_file, from_upstream, install
from edged.media.release import CHECKSUMS, MACHINES, release_for

PROGRAM = b"#!/bin/sh\necho v1.20.1\n"
OLD = b"#!/bin/sh\necho old\n"


def member(name: str, content: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


USUAL = packed(
    member("LICENSE", b"MIT"), member("mediamtx", PROGRAM, mode=0o777), member("mediamtx.yml", b"a: 1")
)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(folder: Path, data: bytes, *, sha256: str | None = None) -> str:
    """Install this archive over an older program in `folder`."""
    archive, target = folder / "archive.tar.gz", folder / "mediamtx"
    archive.write_bytes(data)
    target.write_bytes(OLD)
    return install(from_file(archive), target, sha256=sha256 or digest(data), check=lambda _: "v1.20.1")


def untouched(folder: Path) -> bool:
    """The program is the one before, and nothing was left beside it."""
    names = {path.name for path in folder.iterdir()} - {"archive.tar.gz"}
    return names == {"mediamtx"} and (folder / "mediamtx").read_bytes() == OLD


def test_program_of_the_archive_replaces_the_one_before(tmp_path: Path) -> None:
    assert put(tmp_path, USUAL) == "v1.20.1"
    target = tmp_path / "mediamtx"
    assert target.read_bytes() == PROGRAM
    assert target.stat().st_mode & 0o7777 == 0o755
    assert {path.name for path in tmp_path.iterdir()} == {"mediamtx", "archive.tar.gz"}


def test_program_is_asked_for_its_version_before_it_is_put_in_place(tmp_path: Path) -> None:
    archive, target = tmp_path / "archive.tar.gz", tmp_path / "mediamtx"
    archive.write_bytes(USUAL)
    target.write_bytes(OLD)

    def check(program: Path) -> str:
        assert os.access(program, os.X_OK)
        assert target.read_bytes() == OLD
        raise StartupError("it is 1.9.0")

    with pytest.raises(EdgedError, match=r"1\.9\.0"):
        install(from_file(archive), target, sha256=digest(USUAL), check=check)
    assert untouched(tmp_path)


BAD = {
    "no program": (packed(member("README", b"x")), "holds no program"),
    "a program in a folder": (packed(member("bin/mediamtx", PROGRAM)), "holds no program"),
    "a link": (packed(member("mediamtx", type=tarfile.SYMTYPE, linkname="/bin/sh")), "holds no program"),
    "a device": (
        packed(member("mediamtx", type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
        "holds no program",
    ),
    "not an archive": (b"MZ\x90\x00" * 100, "cannot be unpacked"),
    "a cut archive": (USUAL[: len(USUAL) // 2], "cannot be unpacked"),
    "nothing": (b"", "cannot be unpacked|holds no program"),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD.keys())
def test_bad_archive_changes_nothing(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=words):
        put(tmp_path, data)
    assert untouched(tmp_path)


@given(at=st.integers(0, len(USUAL) - 1), value=st.integers(0, 255))
def test_archive_damaged_anywhere_is_refused_with_one_clear_error(
    at: int, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = USUAL[:at] + bytes([value]) + USUAL[at + 1 :]
    folder = tmp_path_factory.mktemp("damaged")
    if data == USUAL:
        return
    with pytest.raises(InstallError, match="SHA-256"):
        put(folder, data, sha256=digest(USUAL))
    assert untouched(folder)
    # With its own checksum it is read: it installs something or is refused, and never fails otherwise.
    try:
        put(folder, data)
    except InstallError:
        assert untouched(folder)


def test_endless_zeros_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "MOST_UNPACKED", 1 << 20)
    bomb = packed(member("zeros", bytes(4 << 20)), member("mediamtx", PROGRAM))
    with pytest.raises(InstallError, match="more than 1 MiB"):
        put(tmp_path, bomb)
    assert untouched(tmp_path)


def test_endless_download_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "MOST_PACKED", 1 << 20)

    def endless() -> Iterable[bytes]:
        while True:
            yield bytes(1 << 16)

    with pytest.raises(InstallError, match="larger than 1 MiB"):
        install(endless, tmp_path / "mediamtx", sha256="0" * 64, check=lambda _: "")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_none_and_folder_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "Is a directory"), (tmp_path / "absent", "No such file")):
        with pytest.raises(InstallError, match=words):
            install(from_file(path), tmp_path / "mediamtx", sha256="0" * 64, check=lambda _: "")
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(USUAL)
    with pytest.raises(InstallError, match="cannot be written"):
        install(from_file(archive), tmp_path / "no/mediamtx", sha256=digest(USUAL), check=lambda _: "")


# --- upstream


def served(answers: dict[str, httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: answers[str(request.url)])


def test_archive_comes_from_upstreams_release_page_over_its_redirect(tmp_path: Path) -> None:
    release = release_for("x86_64")
    assert release is not None
    store = "https://objects.example/archive"
    transport = served(
        {
            release.url: httpx.Response(302, headers={"Location": store}),
            store: httpx.Response(200, stream=httpx.ByteStream(USUAL)),
        }
    )
    target = tmp_path / "mediamtx"
    source = from_upstream(release, transport=transport)
    assert install(source, target, sha256=digest(USUAL), check=lambda _: "v1.20.1") == "v1.20.1"
    assert target.read_bytes() == PROGRAM


REFUSED = {
    "no such page": (httpx.Response(404), "answers with 404.*--from FILE"),
    "plain HTTP": (httpx.Response(302, headers={"Location": "http://evil.example/x"}), "without HTTPS"),
}


@pytest.mark.parametrize(("answer", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_download_that_cannot_be_had_names_the_remedy(
    answer: httpx.Response, words: str, tmp_path: Path
) -> None:
    release = release_for("aarch64")
    assert release is not None
    source = from_upstream(release, transport=served({release.url: answer}))
    with pytest.raises(InstallError, match=words):
        install(source, tmp_path / "mediamtx", sha256="0" * 64, check=lambda _: "")
    assert list(tmp_path.iterdir()) == []


def test_every_known_checksum_belongs_to_a_machine() -> None:
    assert set(CHECKSUMS) <= set(MACHINES.values())
    assert all(len(bytes.fromhex(checksum)) == 32 for checksum in CHECKSUMS.values())


# --- the command


@pytest.mark.parametrize("words", [(), ("--download", "--from", "x"), ("--download", "--sha256", "12")])
def test_command_asked_wrongly_does_nothing(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["mediamtx", "install", *words]).exit_code == 2


def test_command_installs_a_file_and_says_what_to_do_next(tmp_path: Path) -> None:
    archive, target = tmp_path / "archive.tar.gz", tmp_path / "mediamtx"
    archive.write_bytes(USUAL)
    words = ["--from", str(archive), "--to", str(target), "--sha256", digest(USUAL)]
    done = CliRunner().invoke(main, ["mediamtx", "install", *words])
    assert done.exit_code == 0, done.output
    assert "v1.20.1" in done.output
    assert "systemctl restart edged" in done.output


def test_command_takes_a_bare_name_for_a_file_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("archive.tar.gz").write_bytes(USUAL)
    words = ["--from", "archive.tar.gz", "--to", "newprog", "--sha256", digest(USUAL)]
    done = CliRunner().invoke(main, ["mediamtx", "install", *words])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "newprog").read_bytes() == PROGRAM
    assert str(tmp_path / "newprog") in done.output


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (b"#!/bin/sh\necho v1.9.0\n", "is MediaMTX v1.9.0"),
        (b"#!/bin/sh\necho hello\n", "does not tell a version"),
        (b"\x7fELF of another machine", "cannot be run"),
        (b"", "does not tell a version|cannot be run"),
        (b"#!/bin/sh\nexec sleep 60\n", "does not end within 0.3 s"),
    ],
    ids=["another version", "another program", "another machine", "empty", "hangs"],
)
def test_command_refuses_a_program_that_does_not_do_and_speaks_of_the_archive(
    program: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "VERSION_SECONDS", 0.3)
    archive, target = tmp_path / "archive.tar.gz", tmp_path / "mediamtx"
    archive.write_bytes(data := packed(member("mediamtx", program)))
    options = ["--from", str(archive), "--to", str(target), "--sha256", digest(data)]
    done = CliRunner().invoke(main, ["mediamtx", "install", *options])
    assert done.exit_code == 1
    assert not target.exists()
    assert re.search(f"The archive's program ({words})", done.output)
    assert "Nothing was installed." in done.output
    # Nothing of a file that is gone, nor of settings that have no part in it.
    assert str(tmp_path) not in done.output
    assert "media." not in done.output


def test_command_asks_for_the_checksum_that_edged_does_not_know(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "armv7l")
    words = ["--download", "--to", str(tmp_path / "mediamtx")]
    done = CliRunner().invoke(main, ["mediamtx", "install", *words])
    assert done.exit_code == 1
    assert "checksums.sha256" in done.output
