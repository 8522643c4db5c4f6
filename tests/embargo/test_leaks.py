"""The leak search over real files: what it finds, what it passes over, what it cannot look into."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import os
import quopri
import sqlite3
import struct
import sys
import tarfile
import zipfile
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import brotli
import pytest

from publisher.embargo.embargoed_text import EmbargoedText, PublicTexts
from publisher.embargo.leaks import Leak, decoding, look_through, search, unpacking
from publisher.model import Embargo, PostId
from publisher.model.errors import SiteError
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


def a_hidden(text: str = POST, *, post: str = "pattern", shown: str = "") -> EmbargoedText:
    return EmbargoedText(
        post=PostId(post),
        path=f"content/blog/{post}.md",
        url=f"https://example.org/blog/{post}",
        policy=Embargo.REDACT,
        text=text,
        shown=shown,
    )


def leaks_of(output: Path, *hidden: EmbargoedText, public: tuple[str, ...] = ()) -> list[str]:
    """Give which files leak; the post is another matter."""
    found = search(output, hidden=hidden or (a_hidden(),), public=PublicTexts(others=public))
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
            info = zipfile.ZipInfo(name or "x")
            info.filename = name  # which may be none
            container.writestr(info, data)
    return packed.getvalue()


def with_member_far_away(packed: bytes) -> bytes:
    """Let the list of a zip say that its member begins beyond what any file can hold."""
    at, end = packed.index(b"PK\x01\x02"), packed.index(b"PK\x05\x06")
    far = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    listed = packed[at : at + 30] + struct.pack("<H", len(far)) + packed[at + 32 : at + 42]
    listed += b"\xff" * 4 + packed[at + 46 : end] + far
    size = struct.pack("<I", len(listed))
    return packed[:at] + listed + packed[end : end + 12] + size + packed[end + 16 :]


# --- what is found ---------------------------------------------------------------------------


def test_a_leak_names_file_post_and_words(tmp_path: Path) -> None:
    write(tmp_path, "blog/pattern.html", PAGE)

    assert search(tmp_path, hidden=[a_hidden()], public=PublicTexts()) == (
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
        ("nameless.zip", zipped({"": PAGE.encode()})),
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


def a_database(folder: Path, *, encoding: str = "UTF-8", is_index: bool = False) -> Path:
    file = folder / "site.db"
    database = sqlite3.connect(file)
    database.execute(f"PRAGMA encoding = '{encoding}'")
    kind = "VIRTUAL TABLE pages USING fts5(body)" if is_index else "TABLE pages (body TEXT)"
    database.execute(f"CREATE {kind}")
    database.execute("INSERT INTO pages VALUES (?)", (PAGE,))
    database.commit()
    database.close()
    return file


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("is_index", [False, True])
def test_a_database_is_read(tmp_path: Path, encoding: str, is_index: bool) -> None:
    file = a_database(tmp_path, encoding=encoding, is_index=is_index)

    assert leaks_of(tmp_path) == ["site.db"]
    assert file.read_bytes()[:1024].count(0) > 600


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_an_archive_of_tar_is_read(tmp_path: Path, mode: Any) -> None:
    write(tmp_path, "folder/noext", PAGE)
    output = tmp_path / "output"
    output.mkdir()
    with tarfile.open(output / "one.tar", mode) as archive:
        archive.add(tmp_path / "folder", "folder")

    assert leaks_of(output) == ["one.tar"]


@pytest.mark.parametrize(
    "head",
    [
        b"IDX1" + bytes(1_100),
        b"".join(n.to_bytes(4, "little") for n in range(5_000)),
        b"".join(n.to_bytes(4, "big") for n in range(5_000)),
        b"".join(n.to_bytes(2, "big") for n in range(32, 127)) * 20,
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_text_behind_numbers_is_read(tmp_path: Path, head: bytes, codec: str) -> None:
    write(tmp_path, "search.idx", head + PAGE.encode(codec))

    assert leaks_of(tmp_path) == ["search.idx"]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "sentence",
    [
        SECRET,
        "抽屉的九个榫头都是在同一个晚上做完的然后木匠就离开了村子",
        "في تلك الليلة أطفأ النجار المصباح وترك الأدراج الستة على الطاولة دون غراء",
        "באותו לילה כיבה הנגר את המנורה והשאיר את שש המגירות על השולחן בלי דבק",
        "Той ночью столяр погасил лампу и оставил шесть ящиков на столе без клея",
    ],
    ids=["english", "chinese", "arabic", "hebrew", "russian"],
)
def test_wide_texts_without_a_mark_are_read(tmp_path: Path, codec: str, sentence: str) -> None:
    write(tmp_path, "page.txt", (sentence + "\n").encode(codec))

    assert leaks_of(tmp_path, a_hidden(sentence)) == ["page.txt"]


def test_words_in_an_old_encoding_are_read_behind_bytes_that_are_none(tmp_path: Path) -> None:
    sentence = "Ännchen öffnete die Türen fünf müder Söhne früher später"
    write(tmp_path, "pages.bin", bytes(1_100) + sentence.encode("latin-1") + bytes(9))

    assert leaks_of(tmp_path, a_hidden(sentence)) == ["pages.bin"]


@pytest.mark.parametrize("name", ["idna", "hex", "nonsense", "undefined"])
def test_an_encoding_that_cannot_be_read_is_passed_over(tmp_path: Path, name: str) -> None:
    write(tmp_path, "page.html", f"<meta charset={name}>caf\xe9 {SECRET}".encode("latin-1"))

    assert leaks_of(tmp_path) == ["page.html"]


@pytest.mark.parametrize(
    "head",
    [
        *(b"ID3 tags of my music", b"OTTO", b"GIF89a is a format", b"RIFF and WAVE"),
        *(b"RIFF    WEBP", b"1 2 ftyp", b"BZh", b"LZIP is old", b"ID3, caf\xe9"),
    ],
)
def test_a_text_that_begins_like_something_else_is_text(tmp_path: Path, head: bytes) -> None:
    rest = b"\nwords and words" * 10_000
    write(tmp_path, "notes.txt", head + (rest + SECRET.encode() + rest))

    assert leaks_of(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"\\{ord(c):03o}" for c in SECRET),
        "".join(f"\\{ord(c):o}" for c in SECRET),
        SECRET.replace("o", "\\157").replace(" ", "\\40"),
        "".join(f"\\{ord(c):04x} " for c in SECRET),
        "".join(f"\\{ord(c):06x}" for c in SECRET),
        quopri.encodestring(f"<p>{'x ' * 31}{SECRET}".encode()).decode(),
        quopri.encodestring(f"caf\xe9 {'x ' * 27}{SECRET}".encode()).decode("latin-1"),
    ],
)
def test_further_escapes_are_undone(tmp_path: Path, text: str) -> None:
    write(tmp_path, "page", text)

    assert leaks_of(tmp_path) == ["page"]


def test_an_escape_of_bytes_is_undone_amid_a_word(tmp_path: Path) -> None:
    sentence = "Die Tür, die Söhne, die Bäume und viele müde Väter"
    octal = "".join(c if c.isascii() else f"\\{ord(c):o}" for c in sentence)
    mail = "=\n".join((quopri.encodestring(sentence.encode()).decode(), "x"))
    write(tmp_path, "app.js", f"a='{octal}'")
    write(tmp_path, "page.eml", mail)

    assert leaks_of(tmp_path, a_hidden(sentence)) == ["app.js", "page.eml"]


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

    found = search(tmp_path, hidden=hidden, public=PublicTexts())

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

    public = PublicTexts(others=["Carpenters measure walls."])
    (leak,) = search(tmp_path, hidden=[a_hidden(ESSAY)], public=public)

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

    assert search(tmp_path, hidden=[], public=PublicTexts()) == ()


# --- posts of one template -------------------------------------------------------------------

TEMPLATE = " ".join(f"In every{n} post of ours." for n in range(40))


def test_the_template_of_published_posts_is_no_leak_and_the_rest_of_a_hidden_one_is(
    tmp_path: Path,
) -> None:
    published = f"{TEMPLATE}\n\nA bench.\n"
    write(tmp_path, "bench.html", f"<p>{TEMPLATE}</p><p>A bench.")
    write(tmp_path, "feed.xml", f"<item>{TEMPLATE} {SECRET}</item>")

    hidden = [a_hidden(f"{TEMPLATE}\n\n{POST}")]
    found = search(tmp_path, hidden=hidden, public=PublicTexts(posts=[published]))

    assert [leak.file for leak in found] == ["feed.xml"]
    assert SECRET[:30] in found[0].excerpt


# --- what lies beside a post -----------------------------------------------------------------

CODE = "def plane(board, depth): return [iron.stroke(board, n) for n in range(depth) if n]"


def a_bundled(text: str = CODE) -> EmbargoedText:
    return replace(a_hidden(f"```\n{text}\n```"), path="blog/pattern/cut.py", is_bundled=True)


def test_text_of_a_file_beside_a_post_is_a_leak_that_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, "code.html", f"<pre>{CODE}</pre>")

    (leak,) = search(tmp_path, hidden=[a_bundled()], public=PublicTexts())

    assert str(leak).startswith(
        "code.html: shows text of pattern (blog/pattern/cut.py): def plane "
    )


def test_a_public_file_may_be_the_same_as_one_beside_a_post(tmp_path: Path) -> None:
    script = "\n".join(f"{CODE} # {n} of ours" for n in range(40))
    write(tmp_path, "chart.js", script)

    found = search(tmp_path, hidden=[a_bundled(script)], public=PublicTexts(others=[script]))

    assert found == ()


def test_what_lies_beside_a_post_takes_none_of_its_words_for_an_index(tmp_path: Path) -> None:
    words = sorted({word.strip(".,:").lower() for word in ESSAY.split()})
    write(tmp_path, "search.js", f"export default {json.dumps(an_index(words))}")
    public = PublicTexts(others=["Carpenters measure walls."])

    found = search(tmp_path, hidden=[a_hidden(ESSAY), a_bundled(ESSAY)], public=public)

    assert [leak.path for leak in found] == ["content/blog/pattern.md"]


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

    found = search(
        tmp_path, files=files, hidden=[a_hidden()], public=PublicTexts(others=public.values())
    )

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
        search(tmp_path, files=files, hidden=[a_hidden()], public=PublicTexts())

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
        ("a.zip", with_member_far_away(zipped({"a": b"b"})), "cannot be understood: OverflowError"),
        ("a.gz", nested(3), "is packed more than twice"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c rest", "is packed with 7z, which cannot be opened here"),
    ],
)
def test_what_cannot_be_opened_is_an_error_in_words(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    write(tmp_path, name, data)

    with pytest.raises(SiteError) as caught:
        search(tmp_path, hidden=[a_hidden()], public=PublicTexts())

    assert f"cannot be searched for leaks: {name}: {reason}" in caught.value.what


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python can read zstd")
def test_a_way_of_packing_that_this_python_lacks_is_an_error_in_words(tmp_path: Path) -> None:
    write(tmp_path, "a.html.zst", b"\x28\xb5\x2f\xfd rest")

    with pytest.raises(SiteError, match="packed with zstd, which cannot be opened here"):
        search(tmp_path, hidden=[a_hidden()], public=PublicTexts())


@pytest.mark.parametrize(
    "pack", [gzip.compress, brotli.compress, lambda d: zipped({"a": d, "b": d})]
)
def test_a_bomb_is_an_error_and_does_not_go_off(tmp_path: Path, pack: Any) -> None:
    write(tmp_path, "bomb", b"")
    (tmp_path / "bomb").rename(tmp_path / "bomb.br")
    write(tmp_path, "bomb.br", pack(bytes(unpacking.UNPACKED_BYTES + 1)))

    with pytest.raises(SiteError, match=r"bomb.br: unpacks to more than 200 MB"):
        search(tmp_path, hidden=[a_hidden()], public=PublicTexts())


def test_what_cannot_be_searched_does_not_hide_a_leak(tmp_path: Path) -> None:
    write(tmp_path, "a.7z", b"7z\xbc\xaf\x27\x1c rest")
    write(tmp_path, "page.html", PAGE)

    found = look_through(tmp_path, hidden=[a_hidden()], public=PublicTexts())

    assert [leak.file for leak in found.leaks] == ["page.html"]
    assert [str(file) for file in found.unsearched] == [
        "a.7z: is packed with 7z, which cannot be opened here"
    ]
    assert leaks_of(tmp_path) == ["page.html"]


def test_a_leak_before_the_damage_is_found(tmp_path: Path) -> None:
    whole = zipped({"a.html": PAGE.encode(), "b.gz": b"\x1f\x8b damaged"})
    write(tmp_path, "a.zip", whole)

    found = look_through(tmp_path, hidden=[a_hidden()], public=PublicTexts())

    assert (len(found.leaks), len(found.unsearched)) == (1, 1)


def test_links_and_what_is_no_file_are_errors_in_words(tmp_path: Path) -> None:
    output = tmp_path / "output"
    write(tmp_path, "elsewhere/page.html", PAGE)
    write(output, "fine.html", "<p>fine")
    (output / "gone.html").symlink_to("nowhere.html")
    (output / "folder").symlink_to(tmp_path / "elsewhere")
    (output / "page.html").symlink_to(tmp_path / "elsewhere" / "page.html")

    found = look_through(output, hidden=[a_hidden()], public=PublicTexts())

    assert [str(file) for file in found.unsearched] == [
        "folder: cannot be read: is a directory",
        "gone.html: cannot be read: no such file or directory",
    ]
    assert [leak.file for leak in found.leaks] == ["page.html"]


def test_an_output_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot be listed"):
        search(tmp_path / "dist", hidden=[a_hidden()], public=PublicTexts())


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

    assert clean.err == ("embargo is off: searching the site's own build\n")
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


TEMPLATED = """\
## What this is about

In this column we take one piece of furniture apart and look at how it was put together.
We begin with what can be seen from outside, and only then reach for the mallet.

{own}

```python
def take_apart(piece): return [joint.open(piece, tool="mallet") for joint in piece.joints()]
```

If you liked this, tell a friend, and write to us what we should take apart next.
"""


def of_template(site: Site, name: str, own: str, **facts: Any) -> None:
    post = site.write(name, **facts)
    head = post.read_text().partition("\n---\n")[0]
    post.write_text(f"{head}\n---\n\n{TEMPLATED.format(own=own)}")


@pytest.mark.parametrize("embargo", ["redact", "teaser", "omit", "off"])
def test_posts_of_one_template_raise_no_alarm_and_their_own_words_do(
    tmp_path: Path, embargo: str
) -> None:
    site = a_built_site(tmp_path, more=f"embargo: {embargo}\n")
    for n in range(20):
        of_template(
            site, f"old{n}", f"This was number{n}.", reveal="2026-01-13", status="published"
        )
    for n in range(5):
        own = f"The new{n} cupboard opened{n} by itself at night{n} and nobody heard it."
        of_template(site, f"new{n}", own, reveal="2099-03-24")
    if embargo == "off":
        page = f"<p>{TEMPLATED.format(own='This was number7.')}</p>"
        write(tmp_path, "content/dist/old7.html", page)

    clean = site.run("embargo", *([] if embargo == "off" else ["--build"]))
    out = "content/dist" if embargo == "off" else ".publisher/stage/project/content/dist"
    write(tmp_path, f"{out}/feed.xml", "<p>The new3 cupboard opened3 by itself at night3 and")
    leaking = site.run("embargo", code=1)

    assert clean.out.startswith("no leak: ")
    assert leaking.out.startswith("feed.xml: shows text of new3 (content/blog/new3.md): ")
    assert "\n1 leak: " in leaking.out


@pytest.mark.parametrize("policy", ["redact", "teaser"])
def test_what_is_declared_of_one_hidden_post_may_stand_in_another(
    tmp_path: Path, policy: str
) -> None:
    site = a_built_site(tmp_path, more=f"embargo: {policy}\n")
    words = "In this column we take one piece of furniture apart and look at how it was made"
    generator = tmp_path / "content" / "generate.py"
    generator.write_text(generator.read_text().replace("<title>{path.stem}", "<title>{head}"))
    name = "Of cupboards and of those who made them"
    declared = f"teaser: {words} by hand.\nseries: {{name: {name}, part: 1}}\n"
    site.write("door", reveal="2099-03-24", more=declared)
    post = site.write("pattern", reveal="2099-03-10")
    post.write_text(f"{post.read_text()}\n{words}.\n\n## {name}\n")

    site.run("embargo", "--build")


def test_without_a_built_site_the_command_says_what_to_do(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")

    shown = site.run("embargo", code=1)

    assert "there is no built site to search" in shown.err
    assert "run `publisher embargo --build`" in shown.err


def test_the_command_names_the_file_beside_a_post_that_leaks(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("blog/*.md", "blog/**/*.md"))
    post = site.write("chest", reveal="2099-03-24").read_text()
    (tmp_path / "content" / "blog" / "chest.md").unlink()
    write(tmp_path, "content/blog/chest/index.md", post)
    write(tmp_path, "content/blog/chest/notes.txt", f"{SECRET}.\n")
    clean = site.run("embargo", "--build")
    (tmp_path / "content" / "leak.data").write_text(SECRET)

    leaking = site.run("embargo", "--build", code=1)

    assert clean.out.endswith("for the text of 3 posts\n")
    assert leaking.out.startswith(
        f"feed.xml: shows text of chest (content/blog/chest/notes.txt): {SECRET}.\n"
    )


def test_a_build_that_fails_is_shown(tmp_path: Path) -> None:
    site = a_built_site(tmp_path, more="embargo: redact\n")
    (tmp_path / "content" / "generate.py").write_text("raise SystemExit('no flour')\n")

    shown = site.run("embargo", "--build", code=1)

    assert "no flour" in shown.err
    assert "failed with exit code 1" in shown.err
