"""The leak search over real files: what it finds, what it passes over, what it cannot look into."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import os
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import brotli
import pytest

from publisher.embargo import decoding
from publisher.embargo.hidden import Hidden
from publisher.embargo.leaks import Leak, look_through, search, search_files
from publisher.errors import SiteError
from publisher.model import Embargo, PostId
from tests.acceptance.sites import Site, a_site

SECRET = "Around the ninth dovetail I lost the thread of everything I had planned"
PAGE = f"<!doctype html><p>Hello.</p><p>{SECRET}.</p>"
POST = f"""\
## Six drawers and a saw

Four drawers, six joints apiece. {SECRET}, and the chisel stayed in its rack.

- Sharpen the widest chisel first
- [Ask](https://elsewhere.example/how-to-ask-a-carpenter-about-walnut "A very helpful page") early

```python
def cut(board, depth): return [saw.stroke(board, n) for n in range(depth) if board.is_flat()]
```

![Twelve drawers in a row at dusk](/images/drawers.png)
"""
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def a_hidden(text: str = POST, *, post: str = "pattern", shown: str = "") -> Hidden:
    return Hidden(
        post=PostId(post),
        path=f"content/blog/{post}.md",
        url=f"https://example.org/blog/{post}",
        policy=Embargo.REDACT,
        text=text,
        shown=shown,
    )


def leaks_of(output: Path, *hidden: Hidden, public: tuple[str, ...] = ()) -> list[str]:
    """Give which files leak; the post is another matter."""
    found = search(output, hidden=hidden or (a_hidden(),), public=public)
    return [leak.file for leak in found]


def write(output: Path, name: str, content: str | bytes) -> Path:
    file = output / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def zipped(members: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in members.items():
            container.writestr(name, data)
    return packed.getvalue()


# --- what is found ---------------------------------------------------------------------------


def test_a_leak_names_file_post_and_words(tmp_path: Path) -> None:
    write(tmp_path, "blog/pattern.html", PAGE)

    assert search(tmp_path, hidden=[a_hidden()], public=[]) == (
        Leak(
            file="blog/pattern.html",
            post=PostId("pattern"),
            path="content/blog/pattern.md",
            excerpt="…six joints apiece. Around the ninth dovetail I lost the thread of everything "
            "I had planned, and…",
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "<nav><a href='#x'>Sharpen the widest chisel first</a></nav>",  # an item
        "<a href='https://elsewhere.example/how-to-ask-a-carpenter-about-walnut'>x</a>",
        "<a title='a very helpful page'></a> <img alt='twelve drawers in a row at dusk'>",
        "<meta property=og:description content='around the ninth dovetail i lost the thread'>",
        "<pre><span>def</span> cut(board, depth): <b>return</b> [<i>saw</i>.stroke(board, n) for",
        json.dumps({"a": f"<p>{SECRET}"}),
        f"# A page\n\n{POST}",  # as it was written
        f"/* {SECRET} */ body{{color:red}}",
    ],
)
def test_every_part_of_a_text_is_text(tmp_path: Path, text: str) -> None:
    write(tmp_path, "page", text)

    assert leaks_of(tmp_path) == ["page"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html.gz", gzip.compress(PAGE.encode())),
        ("page.html.br", brotli.compress(PAGE.encode())),
        ("page.html", brotli.compress(PAGE.encode())),  # by content, not by name
        ("page", bz2.compress(PAGE.encode())),
        ("page.xz", lzma.compress(PAGE.encode())),
        ("page.zz", zlib.compress(PAGE.encode())),
        ("book.epub", zipped({"mimetype": b"application/epub+zip", "a.xhtml": PAGE.encode()})),
        ("books.zip", zipped({"book.epub": zipped({"a.xhtml": PAGE.encode()})})),
        ("fragment.pf", gzip.compress(b"pagefind_dcd" + json.dumps({"content": POST}).encode())),
        ("page.utf16", PAGE.encode("utf-16")),
        ("latin.html", f"<p>caf\xe9 {SECRET}".encode("latin-1")),
        ("app.js", b"//# sourceMappingURL=data:application/json;base64,"
            + base64.b64encode(json.dumps({"sourcesContent": [POST]}).encode())),
        ("a.css", b"a{background:url('data:image/svg+xml;base64,"
            + base64.b64encode(f"<svg><title>{SECRET}</title></svg>".encode()) + b"')}"),
        ("a.json", json.dumps({"u": "data:text/html;charset=utf-8;base64,"
            + base64.b64encode(PAGE.encode()).decode()}).replace("/", "\\/").encode()),
        ("b.css", b"a{b:url(data:image/svg+xml,%3Csvg%3E%3Ctitle%3E"
            + SECRET.replace(" ", "%20").encode() + b"%3C/title%3E%3C/svg%3E)}"),
        ("photo.png", PICTURE + b"tEXtDescription\x00" + SECRET.encode() + PICTURE),
        ("photo.jpg", b"\xff\xd8\xff\xe1" + PICTURE[8:] + SECRET.encode("utf-16-le") + PICTURE),
        ("site.db", b"SQLite format 3\x00" + PICTURE[8:] + SECRET.encode() + b"\x00\x01\xff"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_packed_and_encoded_texts_are_read(tmp_path: Path, name: str, data: bytes) -> None:
    write(tmp_path, name, data)

    assert leaks_of(tmp_path) == [name]


@pytest.mark.parametrize("at", [0, 5, 700, 2_000])
def test_a_text_across_the_pieces_of_a_large_file_is_found(tmp_path: Path, at: int) -> None:
    before = "x" * (decoding.PIECE_BYTES - at)
    write(tmp_path, "large.js", f"{before} {SECRET} " + "y" * 5_000_000)

    assert leaks_of(tmp_path) == ["large.js"]


def test_every_file_and_every_post_has_its_leak_in_order_of_path(tmp_path: Path) -> None:
    other = "The hinge on the lid had been wrong for a fortnight before anybody said so"
    for name in ("b/feed.xml", "a.html", "b/index.json"):
        write(tmp_path, name, f"{PAGE} {PAGE} {other}")
    hidden = (a_hidden(), a_hidden(other, post="door"))

    found = search(tmp_path, hidden=hidden, public=[])

    assert [(leak.file, leak.post) for leak in found] == [
        ("a.html", "door"),
        ("a.html", "pattern"),
        ("b/feed.xml", "door"),
        ("b/feed.xml", "pattern"),
        ("b/index.json", "door"),
        ("b/index.json", "pattern"),
    ]


def test_a_text_without_blanks_is_found(tmp_path: Path) -> None:
    text = "作業場の戸を一か月開けたままにしておくと、通りすがりの人が中をのぞき込むようになった。"
    write(tmp_path, "page.html", f"<p>はじめに。<b>{text[:20]}</b>{text[20:]}</p>")

    assert leaks_of(tmp_path, a_hidden(text)) == ["page.html"]


# --- search indexes --------------------------------------------------------------------------

ESSAY = (
    "Carpenters distrust symmetry. Whenever somebody proposes identical cupboards, experienced "
    "joiners measure ceilings, corners and chimneys, because plaster wanders. Yesterday Margit "
    "demonstrated scribing: pressing cardboard against crooked walls, tracing shadows, shaving "
    "slivers until daylight disappeared. Afterwards everybody applauded, Hannes included."
)


def an_index(words: list[str]) -> str:
    """Write an inverted index as MiniSearch does: each word with the documents that have it."""
    return json.dumps({"index": [[word, {"0": {"3": 1}}] for word in words], "fieldIds": {"a": 0}})


def test_an_index_of_the_words_of_a_post_is_a_leak(tmp_path: Path) -> None:
    words = sorted({word.strip(".,:").lower() for word in ESSAY.split()})
    write(tmp_path, "search.js", f"export default {json.dumps(an_index(words))}")

    (leak,) = search(tmp_path, hidden=[a_hidden(ESSAY)], public=["Carpenters measure walls."])

    assert leak.excerpt.startswith("afterwards, against, applauded, because, cardboard")
    assert len(leak.excerpt) <= 100


def test_an_index_of_stems_is_a_leak(tmp_path: Path) -> None:
    words = {word.strip(".,:").lower() for word in ESSAY.split()}
    stems = sorted(word.removesuffix("ing").removesuffix("ed").rstrip("es") for word in words)
    write(tmp_path, "lunr.json", an_index(stems))

    assert leaks_of(tmp_path, a_hidden(ESSAY)) == ["lunr.json"]


def test_an_index_of_public_texts_is_none(tmp_path: Path) -> None:
    public = "Carpenters measure walls, corners and ceilings; experienced joiners distrust plaster."
    words = sorted({word.strip(".,;").lower() for word in public.split()})
    write(tmp_path, "search.json", an_index(words))

    assert leaks_of(tmp_path, a_hidden(ESSAY), public=(public,)) == []


def test_a_program_that_happens_to_use_many_words_is_none(tmp_path: Path) -> None:
    words = [word.strip(".,:").lower() for word in ESSAY.split()]
    names = [f"{word}{number}x" for number in range(60) for word in ("get", "set", "make")]
    lines = [f"{name}({word})" for name, word in zip(names, words * 4, strict=False)]
    write(tmp_path, "bundle.js", ";".join(sorted(lines)))

    assert leaks_of(tmp_path, a_hidden(ESSAY)) == []


# --- what is no leak -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "public",
    [
        f"Quoted before: {SECRET}.",
        f"<template><p>{SECRET}</p></template>",
        f"title: x\ndescription: {json.dumps(SECRET)}\n",
    ],
)
def test_what_a_public_text_has_is_no_leak(tmp_path: Path, public: str) -> None:
    write(tmp_path, "page.html", PAGE)

    assert leaks_of(tmp_path, public=(public,)) == []


@pytest.mark.parametrize("head", ["", "---\ntitle: Six Drawers\n---\n\n"])
def test_a_copy_in_the_project_makes_no_post_public(tmp_path: Path, head: str) -> None:
    write(tmp_path, "page.html", PAGE)

    assert leaks_of(tmp_path, public=("Hello.", head + POST)) == ["page.html"]


def test_title_description_and_teaser_are_no_leak_on_any_page(tmp_path: Path) -> None:
    teaser = "What changes when the unfinished thing can be seen from the street by anybody?"
    hidden = a_hidden(f"{teaser}\n\nA lot.", post="door", shown=f"The Workshop Door\n\n{teaser}")
    mention = a_hidden("Next: [The Workshop Door of Oslo](/blog/door)", shown="The Workshop Door")
    write(tmp_path, "index.html", f"<h2>The Workshop Door</h2><p>{teaser}</p>")

    assert leaks_of(tmp_path, hidden, mention) == []


def test_addresses_of_pages_are_no_leak(tmp_path: Path) -> None:
    address = "https://example.org/blog/what-the-offcuts-of-a-long-winter-know-about-walnut"
    text = f"See {address} or [this]({address}) or <a href='{address}'>that</a>."
    write(tmp_path, "blog/what-the-offcuts-of-a-long-winter-know-about-walnut.html", "<p>x")
    write(tmp_path, "sitemap.xml", f"<urlset><url><loc>{address}</loc></url></urlset>")

    assert leaks_of(tmp_path, a_hidden(text)) == []


def test_code_that_everybody_writes_is_no_leak(tmp_path: Path) -> None:
    text = (
        '```js\n"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n'
        "import { defineConfig } from 'vitepress'\nexport default defineConfig({})\n```\n"
    )
    write(
        tmp_path,
        "app.js",
        '"use strict";Object.defineProperty(exports,"__esModule",{value:!0});'
        'var e=require("vitepress");export default (0,e.defineConfig)({})',
    )

    assert leaks_of(tmp_path, a_hidden(text)) == []


def test_common_phrases_of_another_text_are_no_leak(tmp_path: Path) -> None:
    write(
        tmp_path,
        "license.txt",
        "At the end of the day, as far as I can tell, one of the most important things is that "
        "you are free to do what you want. I lost the thread. Sharpen the widest one first.",
    )
    text = (
        "At the end of the day it rained. As far as I can tell, nobody minded, and one of the most "
        "patient of us sharpened a saw. You are free to laugh."
    )

    assert leaks_of(tmp_path, a_hidden(text), a_hidden(post="other")) == []


def test_a_redacted_page_is_no_leak(tmp_path: Path) -> None:
    write(
        tmp_path, "pattern.html", "<h2>Sed elit ipsum</h2><p>Lorem ipsum dolor sit amet, sed.</p>"
    )

    assert leaks_of(tmp_path) == []


def test_images_fonts_and_films_are_passed_over(tmp_path: Path) -> None:
    middle = SECRET.encode()
    write(
        tmp_path,
        "a.mp4",
        b"\x00\x00\x00\x18ftypisom" + os.urandom(200_000) + middle + bytes(90_000),
    )
    write(tmp_path, "a.png", PICTURE)
    write(tmp_path, "a.woff2", b"wOF2" + os.urandom(50_000))

    assert leaks_of(tmp_path) == []


def test_without_hidden_posts_nothing_leaks(tmp_path: Path) -> None:
    write(tmp_path, "page.html", PAGE)

    assert search(tmp_path, hidden=[], public=[]) == ()


# --- files that go as they are ---------------------------------------------------------------


def test_of_files_that_go_as_they_are_copies_and_what_is_no_public_text_are_leaks(
    tmp_path: Path,
) -> None:
    public = {
        "blog/bench.md": "---\ntitle: The Bench\n---\n\nSomething else, by and large.\n",
        "blog/quote.md": f"---\ntitle: A quotation\n---\n\nAs I wrote: {SECRET}.\n",
        ".trash/pattern.md": f"---\ntitle: Six drawers\nstatus: scheduled\n---\n\n{POST}",
    }
    others = {
        ".gencache/pattern.md.html": PAGE + POST,
        "blog/pattern.md~": POST,
        "data/all.sqlite": b"SQLite format 3\0\xff\xfe" + POST.encode() + b"\0\xff",
        "not-to-go.html": POST,
    }
    for name, content in (public | others).items():
        write(tmp_path, name, content)
    (tmp_path / "latest.md").symlink_to("blog/pattern.md~")
    (tmp_path / "old").symlink_to("blog")
    files = [*public, *others, "latest.md", "old"]
    files.remove("not-to-go.html")

    found = search_files(tmp_path, files, hidden=[a_hidden()], public=public.values())

    assert [leak.file for leak in found] == [
        ".gencache/pattern.md.html",
        ".trash/pattern.md",
        "blog/pattern.md~",
        "data/all.sqlite",
    ]


def test_a_file_to_go_that_cannot_be_searched_is_an_error_in_words(tmp_path: Path) -> None:
    write(tmp_path, "posts.7z", b"7z\xbc\xaf\x27\x1c rest")
    files = ["gone.md", "posts.7z"]

    with pytest.raises(SiteError, match="what is to be deployed cannot be searched") as caught:
        search_files(tmp_path, files, hidden=[a_hidden()], public=[])

    assert "gone.md: cannot be read: no such file or directory; posts.7z: " in caught.value.what


# --- what cannot be searched -----------------------------------------------------------------


def nested(depth: int) -> bytes:
    data = PAGE.encode()
    for _ in range(depth):
        data = gzip.compress(data)
    return data


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.html.gz", gzip.compress(b"x" * 100)[:-20], "is no whole gzip file"),
        ("a.html.br", b"not brotli at all, but words", "is no whole brotli file"),
        ("a.zip", b"PK\x03\x04 and no more", "is no whole zip file"),
        ("a.gz", nested(3), "is packed more than twice"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c rest", "is packed with 7z, which cannot be opened here"),
    ],
)
def test_what_cannot_be_opened_is_an_error_in_words(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    write(tmp_path, name, data)

    with pytest.raises(SiteError) as caught:
        search(tmp_path, hidden=[a_hidden()], public=[])

    assert f"cannot be searched for leaks: {name}: {reason}" in caught.value.what


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python can read zstd")
def test_a_way_of_packing_that_this_python_lacks_is_an_error_in_words(tmp_path: Path) -> None:
    write(tmp_path, "a.html.zst", b"\x28\xb5\x2f\xfd rest")

    with pytest.raises(SiteError, match="packed with zstd, which cannot be opened here"):
        search(tmp_path, hidden=[a_hidden()], public=[])


@pytest.mark.parametrize(
    "pack", [gzip.compress, brotli.compress, lambda d: zipped({"a": d, "b": d})]
)
def test_a_bomb_is_an_error_and_does_not_go_off(tmp_path: Path, pack: Any) -> None:
    write(tmp_path, "bomb", b"")
    (tmp_path / "bomb").rename(tmp_path / "bomb.br")
    write(tmp_path, "bomb.br", pack(bytes(decoding.UNPACKED_BYTES + 1)))

    with pytest.raises(SiteError, match=r"bomb.br: unpacks to more than 200 MB"):
        search(tmp_path, hidden=[a_hidden()], public=[])


def test_what_cannot_be_searched_does_not_hide_a_leak(tmp_path: Path) -> None:
    write(tmp_path, "a.7z", b"7z\xbc\xaf\x27\x1c rest")
    write(tmp_path, "page.html", PAGE)

    found = look_through(tmp_path, hidden=[a_hidden()], public=[])

    assert [leak.file for leak in found.leaks] == ["page.html"]
    assert [str(file) for file in found.unsearched] == [
        "a.7z: is packed with 7z, which cannot be opened here"
    ]
    assert leaks_of(tmp_path) == ["page.html"]


def test_a_leak_before_the_damage_is_found(tmp_path: Path) -> None:
    whole = zipped({"a.html": PAGE.encode(), "b.gz": b"\x1f\x8b damaged"})
    write(tmp_path, "a.zip", whole)

    found = look_through(tmp_path, hidden=[a_hidden()], public=[])

    assert (len(found.leaks), len(found.unsearched)) == (1, 1)


def test_links_and_what_is_no_file_are_errors_in_words(tmp_path: Path) -> None:
    output = tmp_path / "output"
    write(tmp_path, "elsewhere/page.html", PAGE)
    write(output, "fine.html", "<p>fine")
    (output / "gone.html").symlink_to("nowhere.html")
    (output / "folder").symlink_to(tmp_path / "elsewhere")
    (output / "page.html").symlink_to(tmp_path / "elsewhere" / "page.html")

    found = look_through(output, hidden=[a_hidden()], public=[])

    assert [str(file) for file in found.unsearched] == [
        "folder: cannot be read: is a directory",
        "gone.html: cannot be read: no such file or directory",
    ]
    assert [leak.file for leak in found.leaks] == ["page.html"]


def test_an_output_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot be listed"):
        search(tmp_path / "dist", hidden=[a_hidden()], public=[])


# --- the command -----------------------------------------------------------------------------

GENERATOR = """\
import gzip, pathlib
out = pathlib.Path("dist")
(out / "blog").mkdir(parents=True, exist_ok=True)
for path in sorted(pathlib.Path("blog").glob("*.md")):
    head, _, body = path.read_text().removeprefix("---\\n").partition("\\n---\\n")
    page = f"<title>{path.stem}</title><main>{body}</main>"
    (out / "blog" / (path.stem + ".html")).write_text(page)
    (out / "blog" / (path.stem + ".html.gz")).write_bytes(gzip.compress(page.encode()))
leak = pathlib.Path(__file__).parent / "leak.data"
if leak.exists():
    (out / "feed.xml").write_text("<rss>" + leak.read_text() + "</rss>")
print("built")
"""


def a_built_site(folder: Path, *, more: str = "") -> Site:
    site = a_site(folder, more=more)
    (folder / "content" / "generate.py").write_text(GENERATOR)
    site.write("plane", reveal="2026-01-13", status="published")
    site.write("pattern", reveal="2099-03-10")
    site.write("door", reveal="2099-03-24")
    return site


def leak(site: Site) -> None:
    """Let the next build show a sentence of an unreleased post in its feed."""
    (site.folder / "content" / "leak.data").write_text(
        "One morning the door lay on the bench and nobody could say whose it had been."
    )


LINE = (
    "feed.xml: shows text of door (content/blog/door.md): "
    "One morning the door lay on the bench and nobody could say whose it had been.\n"
)


def test_the_command_stages_builds_and_finds_nothing(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")

    shown = site.run("embargo", "--build")

    output = tmp_path / ".publisher" / "stage" / "project" / "content" / "dist"
    assert shown.out.startswith("no leak: searched 6 files (0.0 MB) in ")
    assert shown.out.endswith(f"{output} for the text of 2 posts\n")
    assert not (tmp_path / "content" / "dist").exists()
    assert not site.ledger.exists()


def test_the_command_names_a_leak(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: teaser\n")
    leak(site)

    shown = site.run("embargo", "--build", code=1)

    assert "feed.xml: shows text of door (content/blog/door.md): " in shown.out
    assert "\n1 leak: searched 7 files" in shown.out


def test_the_command_gives_json(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: omit\n")
    leak(site)
    site.run("embargo", "--build", code=1)
    write(tmp_path, ".publisher/stage/project/content/dist/a.7z", b"7z\xbc\xaf\x27\x1c rest")

    found = site.run("embargo", "--json", code=1).json()

    assert (found["posts"], found["files"]) == (2, 4)
    assert [(leak["file"], leak["post"], leak["path"]) for leak in found["leaks"]] == [
        ("feed.xml", "door", "content/blog/door.md")
    ]
    assert found["unsearched"] == [
        {"file": "a.7z", "reason": "is packed with 7z, which cannot be opened here"}
    ]


def test_the_command_searches_a_folder_of_ones_choice(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    written = (tmp_path / "content" / "blog" / "door.md").read_text()
    write(tmp_path, "old/door.html", written.partition("\n---\n")[2])

    shown = site.run("embargo", "--output", "old", code=1)

    assert shown.out.startswith("door.html: shows text of door (content/blog/door.md): ")


def test_the_command_leaves_word_that_the_stage_is_not_deployed(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")

    site.run("embargo", "--build")

    assert (tmp_path / ".publisher" / "stage" / "unbuilt").exists()


def test_where_the_site_itself_withholds_its_own_output_is_searched(tmp_path: Path) -> None:
    site = a_built_site(tmp_path)
    write(tmp_path, "content/dist/feed.xml", "<rss><title>The Door</title></rss>")

    clean = site.run("embargo")
    write(tmp_path, "content/dist/feed.xml", PAGE.replace(SECRET, LINE.partition("): ")[2]))
    leaking = site.run("embargo", code=1)

    assert clean.err == (
        "embargo: off, so the site itself withholds unreleased text: searching what it built\n"
    )
    assert leaking.out.startswith("feed.xml: shows text of door (content/blog/door.md): ")


def test_the_command_searches_what_is_public_besides_the_stage(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    site.run("embargo", "--build")
    public = tmp_path / "content" / "dist"
    write(public, "feed.xml", f"<rss>{LINE.partition('): ')[2]}</rss>")  # the author built it

    shown = site.run("embargo", code=1)
    found = site.run("embargo", "--json", code=1).json()

    staged = tmp_path / ".publisher" / "stage" / "project" / "content" / "dist"
    assert shown.out.startswith(f"{public}/{LINE.strip()}")
    assert "1 leak: searched 7 files" in shown.out
    assert found["outputs"] == [str(staged), str(public)]
    assert [leak["file"] for leak in found["leaks"]] == [f"{public}/feed.xml"]


def test_an_edit_that_takes_the_staged_output_away_is_told(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    site.run("embargo", "--build")
    site.write("door", reveal="2099-03-24", status="draft")

    shown = site.run("embargo", code=1)

    assert "the staged one goes when a post changes" in shown.err
    assert "run `publisher embargo --build`" in shown.err


def test_a_copy_of_one_of_two_posts_that_share_a_paragraph_is_a_leak(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    shared = " ".join(f"both{n}" for n in range(38))
    for name in ("door", "pattern"):
        post = site.write(name, reveal="2099-03-24")
        own = " ".join(f"{name}{n}" for n in range(34))
        post.write_text(post.read_text().partition("\n---\n")[0] + f"\n---\n\n{shared}\n\n{own}\n")
    copy = post.read_text().partition("\n---\n")[2]
    write(tmp_path, "content/public/pattern.txt", copy)
    generator = tmp_path / "content" / "generate.py"
    serve = "(out / 'pattern.txt').write_text(pathlib.Path('public/pattern.txt').read_text())\n"
    generator.write_text(generator.read_text() + serve)

    shown = site.run("embargo", "--build", code=1)

    assert shown.out.startswith("pattern.txt: shows text of pattern (content/blog/pattern.md): ")


def test_without_a_built_site_the_command_says_what_to_do(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")

    shown = site.run("embargo", code=1)

    assert "there is no built site to search" in shown.err
    assert "run `publisher embargo --build`" in shown.err


def test_a_build_that_fails_is_shown(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    (tmp_path / "content" / "generate.py").write_text("raise SystemExit('no flour')\n")

    shown = site.run("embargo", "--build", code=1)

    assert "no flour" in shown.err
    assert "failed with exit code 1" in shown.err
