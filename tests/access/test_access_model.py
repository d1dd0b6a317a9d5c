"""Whatever happens to users, grants, codes and the clock, nobody ever gets more, or less, than the rule says.

Random histories are played to the real rooms on a real database, and to a model that knows nothing of
caches: it goes by the rule each time it is asked.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import trio
from access.code_house import CAMERAS, PASSWORD, House, build, open_house, video
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edged.access.subject import Subject, User
from edged.errors import AccessError

NAMES = ("anna", "bob", "carl", "eve")
NO_END = 1e18

names = st.sampled_from(NAMES)
slugs = st.frozensets(st.sampled_from(CAMERAS))
grants = st.none() | slugs
roles = st.sampled_from(["admin", "viewer"])
ends = st.none() | st.sampled_from([10.0, 100.0, 1000.0])
numbers = st.integers(0, 5)
actions = st.one_of(
    st.tuples(st.just("add"), names, roles, grants),
    st.tuples(st.just("remove"), names),
    st.tuples(st.just("disable"), names, st.booleans()),
    st.tuples(st.just("role"), names, roles),
    st.tuples(st.just("grant"), names, grants),
    st.tuples(st.just("share"), names, slugs, ends),
    st.tuples(st.just("revoke"), numbers, names),
    st.tuples(st.just("renew"), numbers, names, ends),
    st.tuples(st.just("new words"), numbers, names),
    st.tuples(st.just("sign in"), names),
    st.tuples(st.just("sign out"), names),
    st.tuples(st.just("clock"), st.sampled_from([1.0, 50.0, 500.0, -20.0, -2000.0])),
    st.tuples(st.just("restart")),
)


@dataclass
class Shared:
    """What the model knows of a code."""

    id: str
    words: str
    owner: str
    items: frozenset[str]
    end: float
    over: bool = False
    revoked: bool = False


@dataclass
class Model:
    users: dict[str, User]
    codes: list[Shared] = field(default_factory=list)
    old_words: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    now: float = 0.0

    def subject(self, name: str) -> Subject | None:
        user = self.users.get(name)
        if user is None or user.disabled:
            return None
        return Subject(kind=user.role, user=name, session="x", cameras=user.cameras)

    def may_watch(self, name: str) -> frozenset[str]:
        subject = self.subject(name)
        if subject is None:
            return frozenset()
        return frozenset(CAMERAS) if subject.cameras is None else subject.cameras & frozenset(CAMERAS)

    def opens(self, code: Shared) -> frozenset[str]:
        code.over |= self.now >= code.end
        return frozenset() if code.over or code.revoked else code.items & self.may_watch(code.owner)

    def manages(self, name: str, code: Shared) -> bool:
        subject = self.subject(name)
        return subject is not None and (subject.kind == "admin" or code.owner == name)

    def change(self, name: str, **values: object) -> bool:
        """Change an account, or not when the rule forbids it."""
        if name not in self.users:
            return False
        new = msgspec.structs.replace(self.users[name], **values)
        if self.is_last_admin(name) and (new.role != "admin" or new.disabled):
            return False
        self.users[name] = new
        return True

    def is_last_admin(self, name: str) -> bool:
        admins = [user.name for user in self.users.values() if user.role == "admin" and not user.disabled]
        return admins == [name]


class Play:
    """One history, played to both."""

    def __init__(self, house: House, users: tuple[User, ...]) -> None:
        self.house = house
        self.model = Model({user.name: user for user in users}, now=house.clock())
        self.told: list[str] = []
        house.codes.subscribe(self.told.append)

    async def act(self, action: tuple[object, ...]) -> None:
        before = {code.id: self.model.opens(code) for code in self.model.codes}
        kind, *values = action
        await getattr(self, "_" + str(kind).replace(" ", "_"))(*values)
        self.check()
        for code_id, opened in before.items():
            now = next((code for code in self.model.codes if code.id == code_id), None)
            if opened - (self.model.opens(now) if now is not None else frozenset()):
                assert code_id in self.told, f"those who watch by a code were not told of {action}"
        self.told.clear()

    def check(self) -> None:
        for code in self.model.codes:
            guest = self.house.codes.lookup(code.words)
            opened = frozenset(item.media_slug for item in guest.items) if guest else frozenset()
            assert opened == self.model.opens(code)
            assert self.house.codes.subject(code.id) == guest
        for words in self.model.old_words:
            assert self.house.codes.lookup(words) is None
        for token, name in self.model.tokens.items():
            subject, expected = self.house.sessions.lookup(token), self.model.subject(name)
            assert (subject and (subject.kind, subject.cameras)) == (
                expected and (expected.kind, expected.cameras)
            )

    # Each does it to both; the real one raises AccessError exactly when the rule does not allow it.

    async def _add(self, name: str, role: str, cameras: frozenset[str] | None) -> None:
        allowed = name not in self.model.users
        user = User(name=name, role=role, cameras=None if role == "admin" else cameras)  # type: ignore[arg-type]
        self.model.users.setdefault(name, user)
        await self._allowed(
            allowed,
            self.house.accounts.create_user(username=name, password=PASSWORD, role=role, cameras=cameras),  # type: ignore[arg-type]
        )

    async def _remove(self, name: str) -> None:
        allowed = name in self.model.users and not self.model.is_last_admin(name)
        if allowed:
            del self.model.users[name]
            gone = [code for code in self.model.codes if code.owner == name]
            self.model.old_words += [code.words for code in gone]
            self.model.codes = [code for code in self.model.codes if code.owner != name]
            self._out(name)
        await self._allowed(allowed, self.house.accounts.remove_user(name))

    async def _disable(self, name: str, disabled: bool) -> None:
        allowed = self.model.change(name, disabled=disabled)
        if allowed and disabled:
            self._out(name)
        await self._allowed(allowed, self.house.accounts.set_disabled(name, disabled))

    async def _role(self, name: str, role: str) -> None:
        user = self.model.users.get(name)
        values = {} if user is None or user.role == role else {"cameras": None}
        allowed = self.model.change(name, role=role, **values)
        await self._allowed(allowed, self.house.accounts.set_role(name, role))  # type: ignore[arg-type]

    async def _grant(self, name: str, cameras: frozenset[str] | None) -> None:
        user = self.model.users.get(name)
        allowed = user is not None
        if user is not None and user.role == "viewer":
            self.model.change(name, cameras=cameras)
        await self._allowed(allowed, self.house.accounts.set_cameras(name, cameras))

    async def _share(self, name: str, items: frozenset[str], lasts: float | None) -> None:
        subject = self.model.subject(name) or Subject(kind="admin", user=name, session="x", cameras=None)
        allowed = bool(items) and items <= self.model.may_watch(name)
        end = None if lasts is None else self.model.now + lasts
        made = await self._allowed(
            allowed,
            self.house.codes.create(subject, description="x", items=video(*items), expires_at=end),
        )
        if made is not None:
            code, words = made
            self.model.codes.append(Shared(code.id, words, name, items, end or NO_END))

    def _pick(self, number: int) -> Shared | None:
        return self.model.codes[number % len(self.model.codes)] if self.model.codes else None

    async def _revoke(self, number: int, name: str) -> None:
        code, by = self._pick(number), self.model.subject(name)
        if code is None or by is None:
            return
        allowed = self.model.manages(name, code)
        code.revoked |= allowed
        await self._allowed(allowed, self.house.codes.revoke(code.id, by))

    async def _renew(self, number: int, name: str, lasts: float | None) -> None:
        code, by = self._pick(number), self.model.subject(name)
        if code is None or by is None:
            return
        allowed = self.model.manages(name, code) and not code.revoked
        end = None if lasts is None else self.model.now + lasts
        if allowed:
            code.end, code.over = end or NO_END, False
        await self._allowed(allowed, self.house.codes.renew(code.id, by, end))

    async def _new_words(self, number: int, name: str) -> None:
        code, by = self._pick(number), self.model.subject(name)
        if code is None or by is None:
            return
        allowed = self.model.manages(name, code) and not code.revoked and not code.over
        made = await self._allowed(allowed, self.house.codes.change_words(code.id, by))
        if made is not None:
            self.model.old_words.append(code.words)
            code.id, code.words = made[0].id, made[1]

    async def _sign_in(self, name: str) -> None:
        allowed = self.model.subject(name) is not None
        user = self.model.users.get(name) or User(name=name, role="admin")
        token = await self._allowed(allowed, self.house.sessions.create(user))
        if token is not None:
            self.model.tokens[token] = name

    async def _sign_out(self, name: str) -> None:
        allowed = name in self.model.users
        self._out(name)
        await self._allowed(allowed, self.house.accounts.sign_out_everywhere(name))

    async def _clock(self, seconds: float) -> None:
        self.house.clock.go_on(seconds)
        self.model.now += seconds

    async def _restart(self) -> None:
        await self.house.codes._writer.ends()
        self.house = await build(self.house.store, self.house.clock)
        self.house.codes.subscribe(self.told.append)

    def _out(self, name: str) -> None:
        self.model.tokens = {
            token: (name_ if name_ != name else "nobody") for token, name_ in self.model.tokens.items()
        }

    async def _allowed(self, allowed: bool, act: object) -> object:
        try:
            result = await act  # type: ignore[misc]
        except AccessError:
            assert not allowed
            return None
        assert allowed
        return result


@pytest.mark.time_limit(180)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(actions, min_size=5, max_size=40))
def test_nobody_ever_gets_more_or_less_than_the_rule_says(history: list[tuple[object, ...]]) -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with open_house(Path(folder)) as house:
                house.store._handles.writer.execute("PRAGMA synchronous = OFF")  # no power is cut here
                play = Play(house, await house.accounts.users())
                for action in history:
                    await play.act(action)
                await play.act(("restart",))

    trio.run(main)
