"""What feeds and sitemaps list, and what a hostile one cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.model.errors import SiteError
from publisher.text.feeds import read_listing


def test_addresses_are_relative_to_the_base_of_their_element() -> None:
    feed = (
        b'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.org/">'
        b'<entry xml:base="blog/"><link href="one"/></entry><link href="two"/>'
        b'<link rel="enclosure" href="no"/><content><link>no</link></content></feed>'
    )

    urls = read_listing(feed).urls

    assert urls[:2] == ("https://example.org/blog/one", "https://example.org/two")


def test_a_file_that_an_entity_names_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("https://example.org/secret")
    feed = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]><urlset><loc>&x;</loc></urlset>'

    with pytest.raises(SiteError) as caught:
        read_listing(feed.encode())

    assert "example.org" not in str(caught.value)


def test_entities_that_grow_without_end_are_an_error() -> None:
    grown = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(10))
    feed = f'<!DOCTYPE r [<!ENTITY a0 "lol">{grown}]><urlset><loc>&a9;</loc></urlset>'

    with pytest.raises(SiteError):
        read_listing(feed.encode())
