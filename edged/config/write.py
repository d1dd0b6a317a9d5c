"""Settings as text: the merged truth, and the shipped file that explains every setting.

Both follow the scheme.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from edged.config import toml
from edged.config.types import CameraSettings, Config

HEAD = """\
# Settings of edged. Nothing needs to be set: what stands here behind a # is what holds anyway.
# `edged check` finds every mistake in this file, `edged check --dump` shows what holds.
"""
EXAMPLE = CameraSettings(name="Front door", width=1280, height=720, fps=30, bitrate_kbit=2000, encoder="auto")
EXAMPLE_SLUG = "front-door"
WIDTH = 100


def dump(config: Config) -> str:
    """All settings as TOML that loads back equal; what has no value is left out."""
    parts = []
    for name in config.__struct_fields__:
        held = getattr(config, name)
        tables = (
            {(name,): held}
            if isinstance(held, msgspec.Struct)
            else {(name, slug): held[slug] for slug in held}
        )
        parts += ["\n".join([f"[{toml.key(path)}]", *_pairs(table)]) for path, table in tables.items()]
    return "\n\n".join(parts) + "\n"


def commented_defaults() -> str:
    """The shipped settings file: every setting with its default, commented out, and what it does."""
    parts = [HEAD]
    whole = inspect.type_info(Config)
    assert isinstance(whole, inspect.StructType)
    for field in whole.fields:
        if isinstance(field.type, inspect.StructType):
            table, header, values = field.type, f"[{field.name}]", field.default
        else:
            assert isinstance(field.type, inspect.DictType)
            assert isinstance(field.type.value_type, inspect.StructType)
            table, header, values = field.type.value_type, f"# [{field.name}.{EXAMPLE_SLUG}]", EXAMPLE
        lines = [*_comment(table.cls.__doc__ or ""), header]
        for setting in table.fields:
            lines += _comment(_description(setting.type))
            lines += [f"# {setting.name} = {toml.value(getattr(values, setting.name))}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _pairs(table: msgspec.Struct) -> Iterator[str]:
    for name in table.__struct_fields__:
        held = getattr(table, name)
        if held is not None:
            yield f"{name} = {toml.value(held)}"


def _description(scheme: inspect.Type) -> str:
    known: dict[str, Any] = {}
    if isinstance(scheme, inspect.Metadata):
        known = scheme.extra_json_schema or {}
    return str(known.get("description", ""))


def _comment(words: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent="## ", subsequent_indent="## ")
