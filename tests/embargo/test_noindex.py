"""The tag that keeps search engines away, and the pages that lead on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from publisher.embargo.embargoed_text import EmbargoedText
from publisher.embargo.noindex import mark_pages, with_own_page
from publisher.embargo.redirects import NOINDEX
from publisher.model import Embargo, PostId
from publisher.model.errors import SiteError
from publisher.text.html import read_page

SITE = "https://example.org"
HEAD = b"<title>T</title>"


def a_hidden(
    url: str = f"{SITE}/blog/next", policy: Embargo = Embargo.REDACT, name: str = "next"
) -> EmbargoedText:
    return EmbargoedText(post=PostId(name), path="", url=url, policy=policy, text="", shown="")


def sealed(tmp_path: Path, html: bytes) -> bytes:
    page = tmp_path / "blog" / "next.html"
    page.parent.mkdir()
    page.write_bytes(html)
    mark_pages(tmp_path, [a_hidden()], site_url=SITE, redirects={})
    return page.read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<!doctype html><html><head>", b"<title>T</title></head><body>x</body></html>"),
        (b'<!DOCTYPE html>\r\n<HTML lang="a>b">\r\n<HEAD >', b"\r\n<TITLE>T</TITLE></HEAD>"),
        (b"<!doctype html><html lang=en>", b"<meta charset=utf-8><title>T</title><p>minified"),
        (b"<!doctype html>", b"<title>T</title><p>x"),
        (b"\xef\xbb\xbf", b"<p>only text"),
        (b"", b"<h1>only text</h1>"),
        (b"<!-- <head> --><html><head>", b"<title>T</title>"),
        (b"<html><head>", b"<title>&lt;meta name=robots content=noindex> <b></title><p>x"),
        (b"<html><head>", b"<!-- <meta name=robots content=noindex> --></head>"),
        (b"<html><head>", b"<script>'<meta name=robots content=noindex>'</script>"),
        (b"<html><head>", b"</head><body><meta name=robots content=noindex>"),
        (b"<html><head>", b'<meta name="robots" content="index, follow">'),
        (b"<html><head>", b'<meta name="googlebot" content="noindex">'),
        (b"<html><head>", b"caf\xe9 \xff\xfe \x00"),
        (b"<html><header><p>no head</p></header>", b""),
        (b"<!--><html><head>", b"<title>T</title>"),
        (b"<html><head>", b"<title>never closed <meta name=robots content=noindex>"),
        (b"<html><head>", b"<!-- never closed <meta name=robots content=noindex>"),
        *((b"<html><head>", torn * 20_000) for torn in (b"<a ", b"<title>", b"<!-- >", b"<? ")),
        (b"<html><head>", b"<a b=\"'" * 20_000),
    ],
    ids=lambda part: part[:60].decode("latin-1"),
)
def test_the_tag_comes_first_in_the_head_and_all_else_stays(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    tag = NOINDEX.encode()

    page = sealed(tmp_path, before + after)

    assert page.count(tag) == 1
    assert page.replace(tag, b"") == before + after
    assert page == before + tag + after or b"<header>" in before


@pytest.mark.parametrize(
    "tag",
    [
        b'<meta name="robots" content="noindex">',
        b"<META CONTENT='nofollow,NOINDEX' NAME=Robots>",
        b"<meta name=robots content=none />",
    ],
)
def test_a_page_that_has_the_tag_stays_as_it_is(tmp_path: Path, tag: bytes) -> None:
    html = b"<html><head>" + HEAD + tag + b"</head>"

    assert sealed(tmp_path, html) == html


def test_a_sealed_page_reads_as_noindex_and_is_sealed_once(tmp_path: Path) -> None:
    page = sealed(tmp_path, b"<html><head><title>T</title></head><body>x</body></html>")

    again = mark_pages(tmp_path, [a_hidden()], site_url=SITE, redirects={})

    assert read_page(page.decode()).is_noindex
    assert again == ()
    assert (tmp_path / "blog/next.html").read_bytes() == page


@pytest.mark.parametrize("name", ["blog/next.html", "blog/next/index.html", "blog/next"])
def test_the_page_is_found_where_hosts_find_it(tmp_path: Path, name: str) -> None:
    page = tmp_path / name
    page.parent.mkdir(parents=True)
    page.write_text("<html><head></head></html>")
    page.chmod(0o640)

    changed = mark_pages(tmp_path, [a_hidden()], site_url=SITE, redirects={})

    assert changed == (name,)
    assert page.stat().st_mode & 0o777 == 0o640


def test_other_pages_are_left_alone(tmp_path: Path) -> None:
    files = {"a.html": "<p>a", "index.html": "<p>b", "film": "no page", "deep/film": "no"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    hidden = [
        a_hidden(f"{SITE}/omitted", Embargo.OMIT),
        a_hidden(f"{SITE}/", Embargo.OMIT),
        a_hidden(f"{SITE}/film"),
        a_hidden(f"{SITE}/nowhere"),
        a_hidden(""),
    ]

    changed = mark_pages(tmp_path, hidden, site_url=SITE, redirects={})

    assert changed == ()
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_what_was_compressed_before_goes(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html><head>")
    (tmp_path / "a.html.gz").write_bytes(b"old")
    (tmp_path / "b.html.br").write_bytes(b"other")

    changed = mark_pages(tmp_path, [a_hidden(f"{SITE}/a")], site_url=SITE, redirects={})

    assert changed == ("a.html", "a.html.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html.br"]


def test_a_site_below_a_path_has_its_pages_without_it(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html><head>")
    site = f"{SITE}/notes"

    changed = mark_pages(
        tmp_path, [a_hidden(f"{site}/a")], site_url=site, redirects={"/old": "/new page?a=1&b"}
    )

    assert changed == ("a.html", "old.html")
    page = (tmp_path / "old.html").read_text()
    assert 'content="0; url=/notes/new page?a=1&amp;b"' in page
    assert f'<link rel="canonical" href="{site}/new page?a=1&amp;b">' in page
    assert NOINDEX in page


@pytest.mark.parametrize(
    ("beside", "path", "name"),
    [
        ("blog/one.html", "/blog/old", "blog/old.html"),
        ("blog/index.html", "/blog/old", "blog/old/index.html"),
        ("blog/one.html", "/blog/old/", "blog/old/index.html"),
        ("blog/index.html", "/blog/old.html", "blog/old.html"),
        ("blog/one.html", f"{SITE}/blog/caf%C3%A9", "blog/café.html"),
    ],
)
def test_a_redirect_is_named_like_the_pages_beside_it(
    tmp_path: Path, beside: str, path: str, name: str
) -> None:
    (tmp_path / "blog").mkdir()
    (tmp_path / beside).write_text("<p>x")

    changed = mark_pages(tmp_path, [], site_url=SITE, redirects={path: "/gone"})

    assert changed == (name,)
    assert (tmp_path / name).is_file()


def test_a_redirect_takes_nobodys_place_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>A page.")
    mark_pages(tmp_path, [], site_url=SITE, redirects={"/old": "/gone"})

    same = mark_pages(tmp_path, [], site_url=SITE, redirects={"/old": "/gone", "/page": "/gone"})
    other = mark_pages(tmp_path, [], site_url=SITE, redirects={"/old": "https://other.example/x"})

    assert same == ()
    assert other == ("old.html",)
    assert "https://other.example/x" in (tmp_path / "old.html").read_text()
    assert (tmp_path / "page.html").read_text() == "<p>A page."


@pytest.mark.parametrize("path", ["/../../etc", "/a\0b"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(SiteError, match="the path"):
        mark_pages(tmp_path, [], site_url=SITE, redirects={path: "/gone"})


# --- what an earlier build left ----------------------------------------------------------------


def an_output(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("<p>A page.")


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.mark.parametrize("page", ["blog/next.html", "blog/next/index.html", "blog/next"])
def test_a_page_at_the_address_of_an_omitted_post_is_anothers(tmp_path: Path, page: str) -> None:
    an_output(tmp_path, page)
    omitted, sealed = a_hidden(policy=Embargo.OMIT), a_hidden(name="other")

    own = with_own_page(tmp_path, [omitted, sealed], site_url=SITE, public=[])
    changed = mark_pages(tmp_path, [omitted], site_url=SITE, redirects={"/blog/next": "/gone"})

    assert own == (sealed,)
    assert changed == ()
    assert (tmp_path / page).read_text() == "<p>A page."


def test_a_redirect_at_the_address_of_an_omitted_post_is_ours(tmp_path: Path) -> None:
    omitted = a_hidden(policy=Embargo.OMIT)
    mark_pages(tmp_path, [omitted], site_url=SITE, redirects={"/blog/next": "/gone"})

    own = with_own_page(tmp_path, [omitted], site_url=SITE, public=[])

    assert own == (omitted,)


@pytest.mark.parametrize(
    ("public", "html", "is_own"),
    [
        ("blog/next.md", "<title>Next to nothing</title>", False),
        ("site/content/blog/next/index.md", "<title>Next to nothing</title>", False),
        ("public/blog/next.html", "<title>Next to nothing</title>", False),
        ("blog/next.md", "<title>What&rsquo;s next &ndash; The site</title>", True),
        ("blog/nextdoor.md", "<title>Next to nothing</title>", True),
        ("other/next.md", "<title>Next to nothing</title>", True),
    ],
)
def test_where_a_public_file_has_the_address_as_well_the_title_tells_whose_page_it_is(
    tmp_path: Path, public: str, html: str, is_own: bool
) -> None:
    post = replace(a_hidden(), shown="What's next\n\nIn short")
    an_output(tmp_path, "blog/next.html")
    (tmp_path / "blog/next.html").write_text(html)

    own = with_own_page(tmp_path, [post], site_url=SITE, public=["a.md", public])

    assert own == ((post,) if is_own else ())


def test_a_redirect_that_is_none_any_more_goes(tmp_path: Path) -> None:
    redirects = {"/blog/old": "/gone", "/blog/next": "/gone"}
    mark_pages(tmp_path, [], site_url=SITE, redirects=redirects)
    before = names(tmp_path)
    an_output(tmp_path, "blog/old/index.html.gz", "moved.html")

    changed = mark_pages(tmp_path, [], site_url=SITE, redirects={"/blog/next": "/gone"})

    assert before == ["blog/next/index.html", "blog/old/index.html"]
    assert changed == ("blog/old/index.html", "blog/old/index.html.gz")
    assert names(tmp_path) == ["blog/next/index.html", "moved.html"]


@pytest.mark.parametrize(
    ("ours", "real"),
    [
        ("blog/door/index.html", "blog/door.html"),
        ("blog/door.html", "blog/door/index.html"),
        ("blog/door.html", "blog/door"),
    ],
)
@pytest.mark.parametrize("redirects", [{}, {"/blog/door": "/gone"}], ids=["no more", "still"])
def test_a_redirect_beside_the_real_page_goes(
    tmp_path: Path, ours: str, real: str, redirects: dict[str, str]
) -> None:
    beside = [] if ours.endswith("index.html") else ["blog/a.html"]
    an_output(tmp_path, *beside)
    mark_pages(tmp_path, [], site_url=SITE, redirects={"/blog/door": "/gone"})
    is_there = (tmp_path / ours).is_file()
    an_output(tmp_path, real)

    changed = mark_pages(tmp_path, [], site_url=SITE, redirects=redirects)

    assert is_there
    assert changed == (ours,)
    assert (tmp_path / real).read_text() == "<p>A page."
    assert not (tmp_path / ours).exists()


def test_a_page_that_a_redirect_stood_in_front_of_is_sealed(tmp_path: Path) -> None:
    an_output(tmp_path, "blog/a.html")
    mark_pages(tmp_path, [], site_url=SITE, redirects={"/blog/next": "/gone"})
    an_output(tmp_path, "blog/next/index.html")

    changed = mark_pages(tmp_path, [a_hidden()], site_url=SITE, redirects={})

    assert changed == ("blog/next.html", "blog/next/index.html")
    assert NOINDEX in (tmp_path / "blog/next/index.html").read_text()
