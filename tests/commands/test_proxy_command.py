"""`edged proxy nginx` prints a site that Debian's nginx takes, or says what is missing."""

import subprocess
from pathlib import Path

import pytest
from lab.command_line import Told, run_edged
from lab.nginx import nginx_config


def ask(folder: Path, *words: str, settings: str = '[web]\nproxy_folder = "/run/edged-proxy"\n') -> Told:
    config = folder / "edged.toml"
    config.write_text(settings)
    return run_edged(["proxy", "nginx", "--config", str(config), *words])


def checked(nginx: Path, folder: Path, site: str) -> str:
    """What nginx says of the site; it may write in `folder` only."""
    for ours, theirs in (("/run/edged-nginx", "cache"), ("/var/log/nginx/edged.log", "access.log")):
        site = site.replace(ours, f"{folder}/{theirs}")
    command = [nginx, "-t", "-c", nginx_config(folder, site), "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.nginx
def test_what_is_printed_is_a_site_for_debians_nginx(nginx: Path, tmp_path: Path) -> None:
    site = ask(tmp_path).stdout
    assert "server unix:/run/edged-proxy/web.sock;" in site
    assert "listen 80;" in site
    assert "successful" in checked(nginx, tmp_path, site)


@pytest.fixture
def https(tmp_path: Path) -> tuple[str, ...]:
    """A certificate and its key, as options."""
    files = [tmp_path / "box.pem", tmp_path / "box.key"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=box"]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], capture_output=True, check=True)
    return ("--certificate", str(files[0]), "--key", str(files[1]))


@pytest.mark.nginx
def test_with_a_certificate_it_listens_for_https(nginx: Path, tmp_path: Path, https: tuple[str, ...]) -> None:
    site = ask(tmp_path, *https, "--name", "box.example.org box", "--listen", "127.0.0.1:8443").stdout
    assert "listen 127.0.0.1:8443 ssl;" in site
    assert "server_name box.example.org box;" in site
    # Where HTTPS has a port of its own nobody could be sent there from port 80.
    assert "return 308" not in site
    told = checked(nginx, tmp_path, site)
    assert "successful" in told
    assert "[warn]" not in told


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("listen", "plain"),
    [
        ((), ["80", "[::]:80"]),
        (("127.0.0.1:443", "[::1]:443", "8443"), ["127.0.0.1:80", "[::1]:80"]),
        (("443", "[::]:443", "80"), ["[::]:80"]),
    ],
)
def test_https_sends_who_comes_by_plain_http_there(
    nginx: Path, tmp_path: Path, https: tuple[str, ...], listen: tuple[str, ...], plain: list[str]
) -> None:
    words = [word for each in listen for word in ("--listen", each)]
    site = ask(tmp_path, *https, "--name", "box.example.org", *words).stdout
    assert [line.split()[1].strip(";") for line in site.splitlines() if "listen" in line.split()[:1]] == [
        *plain,
        *(listen or ("443", "[::]:443")),
    ]
    sending = site.partition("# Old links")[2].partition("\n}")[0]
    for needed in (
        "server_name box.example.org;",
        "return 308 https://$host$request_uri;",
        "access_log off;",
    ):
        assert needed in sending
    assert "successful" in checked(nginx, tmp_path, site)


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (("--name", "*.example.org www.example.* .example.net [::1] _ a_b-c"), "/run/edged-proxy"),
        (("--listen", "8080", "--listen", "[::]:8080", "--listen", "127.0.0.1:65535"), "/run/edged-proxy"),
        ((), f"/{'x' * 96}"),
    ],
    ids=["names", "addresses", "the longest folder"],
)
def test_what_is_not_refused_here_is_not_refused_by_nginx(
    nginx: Path, tmp_path: Path, words: tuple[str, ...], folder: str
) -> None:
    done = ask(tmp_path, *words, settings=f'[web]\nproxy_folder = "{folder}"\n')
    assert done.exit_code == 0, done.stderr
    assert "successful" in checked(nginx, tmp_path, done.stdout)


def test_https_says_nothing_that_some_nginx_of_debian_warns_of(tmp_path: Path) -> None:
    # 1.22 (Debian 12) knows no `http2 on;`, 1.26 (Debian 13) warns of `listen … http2`.
    site = ask(tmp_path, "--certificate", "/etc/ssl/box.pem", "--key", "/etc/ssl/box.key").stdout
    said = [line.strip() for line in site.splitlines() if "http2" in line]
    assert said
    assert all(line.startswith("#") for line in said)
    assert "http2" not in ask(tmp_path).stdout


def test_without_the_setting_it_names_the_setting(tmp_path: Path) -> None:
    done = ask(tmp_path, settings="")
    assert done.exit_code == 2
    assert 'set it to "/run/edged-proxy"' in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--certificate", "/etc/ssl/box.pem"),
        ("--certificate", "box.pem", "--key", "box.key"),
        ("--name", "box; include /etc/shadow"),
        ("--name", "box}"),
        ("--name", ""),
        ("--name", "*"),
        ("--name", "www.*.org"),
        ("--name", "*.example.*"),
        ("--name", "a..b"),
        ("--name", "box  lab"),
        ("--name", "[1.2.3.4]"),
        ("--listen", "80; deny all"),
        ("--listen", "0"),
        ("--listen", "080"),
        ("--listen", "99999"),
        ("--listen", "999.1.1.1:80"),
        ("--listen", "[::::]:80"),
        ("--listen", "[::ffff:1.2.3.4]:80"),
        ("--listen", "::1:80"),
        ("--listen", "80", "--listen", "80"),
        ("--listen", "80", "--listen", "0.0.0.0:80"),
        ("--listen", "[::]:80", "--listen", "[0::0]:80"),
        ("--listen", "box:80"),
        ("--listen", "unix:/run/x.sock"),
    ],
)
def test_what_nginx_could_read_as_something_else_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = ask(tmp_path, *words)
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_folder_that_nginx_would_not_read_as_one_is_refused(tmp_path: Path) -> None:
    done = ask(tmp_path, settings='[web]\nproxy_folder = "/run/a b;"\n')
    assert (done.exit_code, done.stdout) == (2, "")


def test_nothing_of_an_address_but_its_kind_is_ever_logged(tmp_path: Path) -> None:
    site = ask(tmp_path).stdout
    told = site.partition("log_format edged ")[2].partition(";")[0]
    for secret in ("$request ", "$request_uri", "$uri", "$args", "$http_", "$cookie", "$arg_", "$edged_word"):
        assert secret not in told
    lines = map(str.strip, site.splitlines())
    logs = {line for line in lines if line.startswith(("access_log", "error_log"))}
    assert logs == {
        "access_log /var/log/nginx/edged.log edged buffer=32k flush=5s if=$edged_logged;",
        "error_log /dev/null emerg;",
        "access_log off;",
    }
