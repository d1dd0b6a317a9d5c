"""Lines of a worker, however they are cut and however long."""

from hypothesis import given
from hypothesis import strategies as st

from edged.cameras.lines import LineSplitter


@given(st.lists(st.binary(max_size=40)), st.integers(0, 30))
def test_lines_do_not_depend_on_how_the_pipe_cuts_them(parts: list[bytes], most: int) -> None:
    splitter = LineSplitter(most)
    found = [line for part in parts for line in splitter.feed(part)]
    *whole, rest = b"".join(parts).split(b"\n")
    assert found == [line for line in whole if len(line) <= most]
    assert splitter.left_out == sum(len(line) > most for line in (*whole, rest))


def test_endless_line_takes_no_memory_and_the_next_one_is_read() -> None:
    splitter = LineSplitter(10)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
    assert splitter.feed(b"x\nwell\n") == [b"well"]
    assert splitter.left_out == 1
