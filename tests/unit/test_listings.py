"""Feeds and sitemaps of a built site: what is under embargo is not named, all else stays."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from publisher.embargo.hidden import Hidden
from publisher.embargo.listings import unlist
from publisher.model import Embargo, PostId

HIDDEN = Hidden(
    post=PostId("door"),
    path="blog/door.md",
    url="https://site.example/blog/door",
    policy=Embargo.REDACT,
    text="",
    shown="",
)
RSS = """<?xml version="1.0"?><rss><channel>
  <image><url>https://site.example/logo.png</url></image>
  <item><title>Bench</title><link>https://site.example/blog/bench</link></item>
{entry}</channel></rss>
"""


@pytest.mark.parametrize(
    "entry",
    [
        "  <item><title>Door</title><link>https://site.example/blog/door</link></item>\n",
        "  <item>\n<guid isPermaLink='true'>https://site.example/blog/door/</guid>\n</item>\n",
        "  <item><link><![CDATA[ https://site.example/blog/door.html ]]></link></item>\n",
        '  <entry><link rel="alternate" href="https://site.example/blog/door"/></entry>\n',
        "  <url>\n    <loc>https://site.example/blog/door/index.html</loc>\n  </url>\n",
        "  <sm:url><sm:loc>https://site.example/blog/d%6For</sm:loc></sm:url>\n",
    ],
)
def test_entry_of_a_page_under_embargo_goes_and_all_else_stays(tmp_path: Path, entry: str) -> None:
    feed = tmp_path / "feed.xml"
    feed.write_text(RSS.format(entry=entry))

    changed = unlist(tmp_path, [HIDDEN])

    assert feed.read_text() == RSS.format(entry="")
    assert changed == ("feed.xml",)
    assert unlist(tmp_path, [HIDDEN]) == ()


@pytest.mark.parametrize(
    "entry",
    [
        "  <item><link>https://site.example/blog/doors</link></item>\n",
        "  <item><link>https://elsewhere.example/blog/door</link></item>\n",
        "  <item><description>see https://site.example/blog/door</description></item>\n",
    ],
)
def test_other_entries_stay(tmp_path: Path, entry: str) -> None:
    (tmp_path / "feed.xml").write_text(RSS.format(entry=entry))

    assert unlist(tmp_path, [HIDDEN]) == ()


def test_packed_sitemap_is_packed_anew(tmp_path: Path) -> None:
    url = "<url><loc>https://site.example/blog/door</loc></url>"
    (tmp_path / "sitemap.xml").write_text(f"<urlset>{url}</urlset>")
    (tmp_path / "sitemap.xml.gz").write_bytes(gzip.compress(f"<urlset>{url}</urlset>".encode()))

    changed = unlist(tmp_path, [HIDDEN])

    assert gzip.decompress((tmp_path / "sitemap.xml.gz").read_bytes()) == b"<urlset></urlset>"
    assert changed == ("sitemap.xml", "sitemap.xml.gz")


def test_json_feed_loses_the_item_and_other_json_nothing(tmp_path: Path) -> None:
    item = {"id": "1", "url": "https://site.example/blog/door"}
    other = {"id": "2", "url": "https://site.example/blog/bench"}
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [item, other]}
    (tmp_path / "feed.json").write_text(json.dumps(feed))
    (tmp_path / "data.json").write_text(json.dumps({"items": [item]}))

    changed = unlist(tmp_path, [HIDDEN])

    assert json.loads((tmp_path / "feed.json").read_text())["items"] == [other]
    assert changed == ("feed.json",)
