"""The copy of a built site that opens from disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.rehearse import offline_copy


def take(tmp_path: Path, files: dict[str, str], *, site_url: str = "https://a.example") -> Path:
    for name, text in files.items():
        path = tmp_path / "dist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    offline_copy.take(tmp_path / "dist", tmp_path / "copy", site_url=site_url)
    return tmp_path / "copy"


@pytest.mark.parametrize(
    ("link", "local"),
    [
        ("/", "../index.html"),
        ("/blog/", "index.html"),
        ("/blog/next", "next.html"),
        ("/blog/next?a=1&amp;b=2#end", "next.html?a=1&amp;b=2#end"),
        ("next", "next.html"),
        ("../", "../index.html"),
        ("/caf%C3%A9", "../caf%C3%A9.html"),
        ("/nowhere", "/nowhere"),
        ("/../../etc/passwd", "/../../etc/passwd"),
        ("#end", "#end"),
        ("https://a.example/blog/next", "https://a.example/blog/next"),
        ("//cdn.example/x.js", "//cdn.example/x.js"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("http://[", "http://["),
    ],
)
def test_a_link_names_the_file_it_means(tmp_path: Path, link: str, local: str) -> None:
    pages = {"index.html": "", "blog/index.html": "", "blog/next.html": "", "café.html": ""}

    copy = take(tmp_path, {**pages, "blog/page.html": f'<a class="x" href="{link}">go</a>'})

    page = (copy / "blog" / "page.html").read_text()
    assert page == f'<a class="x" href="{local}">go</a>'


def test_a_site_below_a_path_is_linked_without_it(tmp_path: Path) -> None:
    files = {"index.html": "<a href=/notes/blog/next>go</a>", "blog/next.html": ""}

    copy = take(tmp_path, files, site_url="https://a.example/notes")

    assert (copy / "index.html").read_text() == '<a href="blog/next.html">go</a>'


def test_module_scripts_go_and_plain_scripts_stay(tmp_path: Path) -> None:
    html = (
        '<script type="module" src="/app.js"></script><link rel="modulepreload" href="/app.js">'
        '<script>if (a > 1) { b = "<a href=/app.js>" }</script><script src="/app.js"></script>'
    )

    copy = take(tmp_path, {"index.html": html, "app.js": ""})

    assert (copy / "index.html").read_text() == (
        '<script>if (a > 1) { b = "<a href=/app.js>" }</script><script src="app.js"></script>'
    )


def test_sheets_and_pictures_are_found(tmp_path: Path) -> None:
    html = (
        '<link rel="stylesheet" crossorigin href="/a/s.css" integrity="sha384-x">'
        '<img src="/i/a.png" srcset="/i/a.png 1x, /i/b.png 2x">'
        "<style>p{background:url('/i/a.png')}</style>"
    )
    files = {"p/x.html": html, "a/s.css": "p{background:url(/i/a.png)}", "i/a.png": "a"}

    copy = take(tmp_path, {**files, "i/b.png": "b"})

    assert (copy / "p" / "x.html").read_text() == (
        '<link rel="stylesheet" href="../a/s.css">'
        '<img src="../i/a.png" srcset="../i/a.png 1x, ../i/b.png 2x">'
        "<style>p{background:url('../i/a.png')}</style>"
    )
    assert (copy / "a" / "s.css").read_text() == "p{background:url(../i/a.png)}"


def test_text_in_comments_and_odd_bytes_stay(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    page = b'<!-- <a href="/"> --><p title="a > b">\xff caf\xc3\xa9 <a href="/">x</a>'
    (tmp_path / "dist" / "index.html").write_bytes(page)

    first = offline_copy.take(tmp_path / "dist", tmp_path / "copy", site_url="https://a.example")

    assert first is not None
    assert first.read_bytes() == page.replace(b'<a href="/">x', b'<a href="index.html">x')
