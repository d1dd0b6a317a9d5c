"""The package as a file: the same bytes from the same source, one version everywhere, all that it needs."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edged

ROOT = Path(__file__).parents[2]


def listed(deb: Path) -> dict[str, str]:
    """Mode and owner of each file of a package, by path."""
    lines = subprocess.run(
        ["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return {line.split(maxsplit=5)[5]: " ".join(line.split()[:2]) for line in lines}


def test_version_is_the_same_wherever_it_is_told() -> None:
    changelog = (ROOT / "debian/changelog").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    (packaged,) = re.findall(r"\Aedged \(([^)]+)\)", changelog)
    (told,) = re.findall(r'^version = "([^"]+)"', project, re.MULTILINE)
    assert packaged == told == edged.__version__


def test_shipped_settings_are_those_of_the_scheme() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "edged.config"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert (ROOT / "config/edged.toml").read_text() == printed


def test_no_secret_and_no_bare_password_is_shipped() -> None:
    for unit in (ROOT / "systemd").iterdir():
        assert not re.search(r"(?i)(password|token|secret)=", unit.read_text()), unit


def other_checkout(folder: Path) -> Path:
    """A copy of this checkout as another person has it: other times and modes of files, nothing built yet."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    vendor = [str(path.relative_to(ROOT)) for path in (ROOT / "edged/web/static/vendor").iterdir()]
    for number, name in enumerate([*names.split("\0")[:-1], *vendor]):
        source, copy = ROOT / name, folder / name
        if not source.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        copy.chmod(0o700 if source.stat().st_mode & 0o100 else 0o600)
        os.utime(copy, (1_500_000_000 + number, 1_500_000_000 + number))
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / "build").mkdir()
    (folder / "build/trixie-deb").symlink_to(ROOT / "build/trixie-deb")
    shutil.copy(ROOT / "build/trixie-deb.stamp", folder / "build")
    return folder


@pytest.mark.appliance
@pytest.mark.slow
def test_same_source_makes_the_same_bytes_in_anybodys_checkout(deb: Path, tmp_path: Path) -> None:
    other = other_checkout(tmp_path / "other")
    # Nothing cached; lintian has judged the first.
    subprocess.run(
        ["tools/deb"],
        cwd=other,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LINTIAN": "0", "TZ": "Asia/Kathmandu"},
        umask=0o077,
        check=True,
    )
    digests = [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (deb, other / "build/deb" / deb.name)
    ]
    assert digests[0] == digests[1]


@pytest.mark.appliance
@pytest.mark.slow
def test_package_holds_pages_migrations_and_hls_js_and_belongs_to_root(deb: Path) -> None:
    files = listed(deb)
    assert set(files.values()) <= {"-rw-r--r-- root/root", "-rwxr-xr-x root/root", "drwxr-xr-x root/root"}
    package = "./usr/lib/python3/dist-packages/edged"
    for path in (
        f"{package}/web/static/vendor/hls.min.js",
        f"{package}/web/templates/home.html",
        f"{package}/migrations/0001_accounts_sessions_cameras.sql",
        "./etc/edged/edged.toml",
        "./usr/lib/systemd/system/edged.service",
        "./usr/lib/udev/rules.d/70-edged.rules",
        "./usr/share/man/man1/edged.1.gz",
    ):
        assert path in files
    assert not [path for path in files if "/tests/" in path or path.endswith(".pyc")]
