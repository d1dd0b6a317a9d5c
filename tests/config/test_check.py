"""Whatever a document holds, checking it ends with settings or with words, never with an error of ours."""

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.config import CameraSettings, Config, toml
from edged.config.check import check

TABLES = Config.__struct_fields__
NAMES = sorted(
    {name for table in TABLES if table != "cameras" for name in getattr(Config(), table).__struct_fields__}
)

scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.sampled_from([10**50, -(10**400), 640, 480, 8080, 30]),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from(
        ["", "auto", "/srv/x", "0.0.0.0:80", "[::]:80", "127.0.0.1:80", "synthetic", "file:/v", "info"]
    ),
    st.just(datetime(2026, 1, 1, tzinfo=UTC)) | st.just(date(2026, 1, 1)) | st.just(time(1, 2)),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
tables = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), values, max_size=5)
camera_tables = st.dictionaries(st.sampled_from(CameraSettings.__struct_fields__), values, max_size=5)
documents = st.fixed_dictionaries(
    {},
    optional={
        **{table: tables | values for table in TABLES if table != "cameras"},
        "cameras": st.dictionaries(
            st.sampled_from(["a", "b-1", "-", "A"]), camera_tables | values, max_size=2
        )
        | values,
        "unknown": values,
    },
)


@settings(max_examples=300, deadline=None)
@given(documents)
def test_any_document_is_settings_or_words(document: dict[str, Any]) -> None:
    config, problems = check(document)

    # What is left in force always keeps the scheme: it can be made from plain values again.
    assert msgspec.convert(msgspec.to_builtins(config), Config) == config
    for problem in problems:
        assert problem.words.isprintable()
        assert len(problem.words) < 600


@settings(max_examples=200, deadline=None)
@given(values)
def test_any_value_is_shown_in_one_short_line(value: Any) -> None:
    assert toml.shown(value).isprintable()
    assert len(toml.shown(value)) < 500


def test_what_is_right_beside_a_mistake_is_kept() -> None:
    config, problems = check({"web": {"session_days": 7, "listen": 5}, "log": {"level": "debug"}, "x": 1})

    assert [problem.path for problem in problems] == [("web", "listen"), ("x",)]
    assert config.web.session_days == 7
    assert config.web.listen == Config().web.listen
    assert config.log.level == "debug"
