"""`edged user`: accounts by the one who holds the box, also when nobody can sign in any more."""

import contextlib
import getpass
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from edged.commands.people import People, Told, people_of
from edged.commands.running import config_option, run_to_end

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
revoke_option = click.option("--revoke-codes", is_flag=True, help="Also take back for good what they shared.")
role_type = click.Choice(["admin", "viewer"])


@click.group()
def user() -> None:
    """Accounts: who may sign in, and what they may watch. Works with and without a running edged."""


@user.command("list")
@config_option
@json_option
def listed(config_path: Path | None, *, as_json: bool) -> None:
    """Show everybody who has an account."""

    def show(people: People) -> None:
        users = people.users()
        if as_json:
            click.echo(json.dumps(users))
        elif not users:
            click.echo(
                "Nobody has an account yet. Claim the box, or make one: edged user add NAME --role admin"
            )
        for each in [] if as_json else users:
            click.echo(_line(each))

    _with_people(config_path, show)


@user.command()
@click.argument("name")
@click.option("--role", type=role_type, default="viewer", show_default=True)
@click.option("--camera", "cameras", multiple=True, help="A camera (slug) a viewer may watch; default: all.")
@config_option
@stdin_option
@json_option
def add(
    name: str,
    config_path: Path | None,
    *,
    role: str,
    cameras: tuple[str, ...],
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Make an account."""
    password = _password(password_stdin)
    values = {"username": name, "password": password, "role": role, "cameras": list(cameras) or None}
    _with_people(config_path, lambda people: _say(people.add(values), as_json))


@user.command()
@click.argument("name")
@config_option
@stdin_option
@revoke_option
@json_option
def passwd(
    name: str, config_path: Path | None, *, password_stdin: bool, revoke_codes: bool, as_json: bool
) -> None:
    """Give somebody another password; who is signed in with the old one is out.

    What they shared stays shared, unless --revoke-codes takes it back.
    """
    values = {"password": _password(password_stdin), "revoke_codes": revoke_codes}

    def change(people: People) -> None:
        told = people.change(name, values)
        _say(told, as_json)
        if not as_json:
            click.echo(_shared(told["name"], revoke_codes))

    _with_people(config_path, change)


@user.command()
@click.argument("name")
@click.argument("role", type=role_type)
@config_option
@json_option
def role(name: str, role: str, config_path: Path | None, *, as_json: bool) -> None:
    """Make somebody an admin, or a viewer of all cameras."""
    _with_people(config_path, lambda people: _say(people.change(name, {"role": role}), as_json))


@user.command()
@click.argument("name")
@click.argument("cameras", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All cameras, also later ones.")
@click.option("--none", "no", is_flag=True, help="No camera.")
@config_option
@json_option
def grant(
    name: str, cameras: tuple[str, ...], config_path: Path | None, *, every: bool, no: bool, as_json: bool
) -> None:
    """Let a viewer watch these CAMERAS (slugs) and no others."""
    if (bool(cameras), every, no).count(True) != 1:
        raise click.UsageError("name the cameras, or say --all or --none.")
    values = {"cameras": None if every else list(cameras)}
    _with_people(config_path, lambda people: _say(people.change(name, values), as_json))


@user.command()
@click.argument("name")
@config_option
@json_option
def disable(name: str, config_path: Path | None, *, as_json: bool) -> None:
    """Keep somebody out; their sessions end and what they shared is closed."""
    _with_people(config_path, lambda people: _say(people.change(name, {"disabled": True}), as_json))


@user.command()
@click.argument("name")
@config_option
@json_option
def enable(name: str, config_path: Path | None, *, as_json: bool) -> None:
    """Let somebody sign in again."""
    _with_people(config_path, lambda people: _say(people.change(name, {"disabled": False}), as_json))


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def remove(name: str, config_path: Path | None, *, yes: bool) -> None:
    """Delete an account with its sessions and access codes."""
    if not yes:
        click.confirm(f"Delete the account {name} and everything it shares?", abort=True)

    def gone(people: People) -> None:
        people.remove(name)
        click.echo(f"{name} is removed.")

    _with_people(config_path, gone)


@user.command()
@click.argument("name")
@config_option
@revoke_option
def signout(name: str, config_path: Path | None, *, revoke_codes: bool) -> None:
    """End every session of somebody, on all their devices.

    What they shared stays shared, unless --revoke-codes takes it back.
    """

    def out(people: People) -> None:
        people.sign_out(name, revoke_codes=revoke_codes)
        click.echo(f"{name} is signed out everywhere. {_shared(name, revoke_codes)}")

    _with_people(config_path, out)


def _with_people(config_path: Path | None, work: Callable[[People], None]) -> None:
    def action() -> None:
        with _people(config_path) as people:
            work(people)

    run_to_end(action)


@contextlib.contextmanager
def _people(config_path: Path | None) -> Iterator[People]:
    from edged.config import load_config  # noqa: PLC0415  # --help starts fast

    paths = load_config(config_path).paths
    with people_of(Path(paths.data), Path(paths.runtime)) as people:
        yield people


def _password(from_stdin: bool) -> str:
    """A password that no other user of this machine can see in a list of processes."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    with warnings.catch_warnings():
        # Rather than to show on some other way in what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="Again")
        except getpass.GetPassWarning:
            raise click.UsageError(
                "there is no terminal to type a password at; give it with --password-stdin."
            ) from None
    return typed


def _say(told: Told, as_json: bool) -> None:
    click.echo(json.dumps(told) if as_json else _line(told))


def _shared(name: str, revoked: bool) -> str:
    return f"What {name} shared " + (
        "is taken back." if revoked else "stays shared; --revoke-codes takes it back."
    )


def _line(user: dict[str, Any]) -> str:
    cameras = "all cameras" if user["cameras"] is None else ", ".join(user["cameras"]) or "no camera"
    return f"{user['name']:<20} {user['role']:<7} {cameras}{'  (disabled)' if user['disabled'] else ''}"
