"""Addresses that people can type."""

import pytest

from edged.address import address_for_people


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]:8080", "http://10.1.2.3:80"])
def test_an_address_that_can_be_typed_stays(url: str) -> None:
    assert address_for_people(url) == url


@pytest.mark.parametrize("url", ["http://0.0.0.0:8080", "http://[::]:8080"])
def test_every_address_becomes_one_of_ours(url: str) -> None:
    told = address_for_people(url)
    assert told.startswith("http://")
    assert told.endswith(":8080")
    assert "0.0.0.0" not in told
    assert "[::]" not in told
