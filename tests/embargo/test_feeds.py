"""Feeds and sitemaps of a built site: what is under embargo is not named, all else stays."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from time import process_time

import pytest

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.feeds import remove_entries
from publisher.model import Embargo, PostId

HIDDEN = EmbargoedText(
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

    changed = remove_entries(tmp_path, [HIDDEN])

    assert feed.read_text() == RSS.format(entry="")
    assert changed == ("feed.xml",)
    assert remove_entries(tmp_path, [HIDDEN]) == ()


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

    assert remove_entries(tmp_path, [HIDDEN]) == ()


OWN = "https://site.example/blog/bench"
DOOR = "https://site.example/blog/door"


@pytest.mark.parametrize(
    "entry",
    [
        f'<url><loc>{OWN}</loc><xhtml:link rel="alternate" hreflang="no" href="{DOOR}"/></url>',
        f"<url><loc>{OWN}</loc><image:image><image:loc>{DOOR}</image:loc></image:image></url>",
        f'<entry><id>{OWN}</id><link href="{OWN}"/><link rel="related" href="{DOOR}"/></entry>',
        f"<entry><id>{OWN}</id><link rel='next' href=\"{DOOR}\"/></entry>",
        f'<entry><link href="{OWN}"/><content type="xhtml"><link href="{DOOR}"/></content></entry>',
        f"<entry><id>{OWN}</id><source><id>{DOOR}</id></source></entry>",
        f"<item><link>{OWN}</link><description><![CDATA[<link>{DOOR}</link>]]></description></item>",
        f"<item><link>{OWN}</link><!-- <link>{DOOR}</link> --></item>",
        f'<item href="{OWN}" /><item/>',
    ],
)
def test_an_entry_that_only_refers_to_a_page_under_embargo_stays(
    tmp_path: Path, entry: str
) -> None:
    hidden = f"<item><link>{DOOR}</link></item>"
    (tmp_path / "feed.xml").write_text(f"<rss>{entry}{hidden}<item>x</item></rss>")

    remove_entries(tmp_path, [HIDDEN])

    assert (tmp_path / "feed.xml").read_text() == f"<rss>{entry}<item>x</item></rss>"


@pytest.mark.parametrize(
    "text", ['<item id="1" href="/a"/>\n', "<item>\n", "<!-- <item>\n", '<item a="\n', "<![CDATA["]
)
def test_a_file_of_many_tags_takes_no_longer_than_its_size(tmp_path: Path, text: str) -> None:
    (tmp_path / "menu.xml").write_text(text * 100_000)
    before = process_time()

    changed = remove_entries(tmp_path, [HIDDEN])

    assert changed == ()
    assert process_time() - before < 10


@pytest.mark.parametrize("content", ["<br>not closed", "<p>a < b</p>", "</p>"])
def test_markup_that_is_none_hides_no_entry(tmp_path: Path, content: str) -> None:
    entry = f"<item><description>{content}</description><link>{DOOR}</link></item>"
    (tmp_path / "feed.xml").write_text(f"<rss>{entry}</rss>")

    remove_entries(tmp_path, [HIDDEN])

    assert (tmp_path / "feed.xml").read_text() == "<rss></rss>"


def test_a_feed_in_another_encoding_is_read_as_it_declares(tmp_path: Path) -> None:
    head = '<?xml version="1.0" encoding="iso-8859-1"?><rss><title>Caf\xe9</title>'
    feed = f"{head}<item><link>{DOOR}</link></item></rss>"
    (tmp_path / "feed.xml").write_bytes(feed.encode("latin-1"))

    changed = remove_entries(tmp_path, [HIDDEN])

    assert changed == ("feed.xml",)
    assert (tmp_path / "feed.xml").read_bytes() == f"{head}</rss>".encode("latin-1")


@pytest.mark.parametrize("encoding", ["utf-8", "nonsense", "idna", "hex"])
def test_a_file_that_is_not_what_it_declares_stays(tmp_path: Path, encoding: str) -> None:
    feed = f'<?xml version="1.0" encoding="{encoding}"?><item><link>{DOOR}</link>\xe9</item>'
    (tmp_path / "feed.xml").write_bytes(feed.encode("latin-1"))

    assert remove_entries(tmp_path, [HIDDEN]) == ()


def test_a_packed_sitemap_without_the_sitemap_is_packed_anew(tmp_path: Path) -> None:
    url = f"<url><loc>{DOOR}</loc></url>"
    packed = tmp_path / "sitemap.xml.gz"
    packed.write_bytes(gzip.compress(f"<urlset>{url}</urlset>".encode()))
    (tmp_path / "other.xml.gz").write_bytes(b"no gzip")

    changed = remove_entries(tmp_path, [HIDDEN])

    assert gzip.decompress(packed.read_bytes()) == b"<urlset></urlset>"
    assert changed == ("sitemap.xml.gz",)
    assert remove_entries(tmp_path, [HIDDEN]) == ()


def test_what_is_packed_otherwise_goes(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text(f"<item><link>{DOOR}</link></item>")
    (tmp_path / "feed.xml.br").write_bytes(b"packed")
    (tmp_path / "feed.xml.zst").write_bytes(b"packed")
    (tmp_path / "other.xml.br").write_bytes(b"packed")

    changed = remove_entries(tmp_path, [HIDDEN])

    assert changed == ("feed.xml.br", "feed.xml.zst", "feed.xml")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["feed.xml", "other.xml.br"]


def test_packed_sitemap_is_packed_anew(tmp_path: Path) -> None:
    url = "<url><loc>https://site.example/blog/door</loc></url>"
    (tmp_path / "sitemap.xml").write_text(f"<urlset>{url}</urlset>")
    (tmp_path / "sitemap.xml.gz").write_bytes(gzip.compress(f"<urlset>{url}</urlset>".encode()))

    changed = remove_entries(tmp_path, [HIDDEN])

    assert gzip.decompress((tmp_path / "sitemap.xml.gz").read_bytes()) == b"<urlset></urlset>"
    assert changed == ("sitemap.xml.gz", "sitemap.xml")


def test_json_feed_loses_the_item_and_other_json_nothing(tmp_path: Path) -> None:
    item = {"id": "1", "url": "https://site.example/blog/door"}
    other = {"id": "2", "url": "https://site.example/blog/bench"}
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [item, other]}
    (tmp_path / "feed.json").write_text(json.dumps(feed))
    (tmp_path / "data.json").write_text(json.dumps({"items": [item]}))

    changed = remove_entries(tmp_path, [HIDDEN])

    assert json.loads((tmp_path / "feed.json").read_text())["items"] == [other]
    assert changed == ("feed.json",)
