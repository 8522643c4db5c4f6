"""Sites that follow no convention of ours: only dates, own folders, addresses and languages.

Nothing in ``jobs.yaml`` is edited after ``init``; the calendar is played in virtual time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.generators.workbench import ADDRESS, SENTENCE, Workbench, a_workbench, told, unpacked

pytestmark = pytest.mark.generators

DAY = "2099-03-10"
TEXT = f"Everything in the workshop waits for one drawing.\n\n{SENTENCE} until the ferry returns.\n"
SECOND = "The second bench was built from what the first one left over, and it is the better one.\n"
THIRD = (
    "Die dritte Bank wurde im Winter gebaut, als das Holz so trocken war wie seit Jahren nicht.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Files of one site besides those of the workbench, and where its posts must be announced."""

    files: dict[str, str]
    pages: set[str]
    more: dict[str, str] = field(default_factory=dict)  # text at the end of a file
    edits: dict[str, tuple[str, str]] = field(default_factory=dict)  # what stands there instead


def a_file(title: str, text: str, **keys: str) -> str:
    lines = [f"title: {title}", "description: In short", *(f"{k}: {v}" for k, v in keys.items())]
    return "\n".join(("---", *lines, "---", "", text))


FORMS = {
    "hugo": Form(
        files={
            "content/posts/2099/Größe_der Kessel.md": a_file("Die Größe", TEXT, date=DAY),
            "content/posts/second.md": a_file("Second", SECOND, date=DAY, url="/special/place/"),
            "content/posts/bank/index.de.md": a_file("Dritte Bank", THIRD, date=DAY),
        },
        more={"hugo.toml": "\n[languages.en]\nweight = 1\n[languages.de]\nweight = 2\n"},
        pages={"/posts/2099/größe_der-kessel/", "/special/place/", "/de/posts/bank/"},
    ),
    "jekyll": Form(
        files={
            f"_posts/2099/{DAY}-Größe_der-Kessel.md": a_file(
                "Die Größe", TEXT, categories="[news, wood]"
            ),
            f"_posts/{DAY}-second.md": a_file("Second", SECOND, permalink="/notes/second/"),
            f"_posts/de/{DAY}-bank.md": a_file("Dritte Bank", THIRD, lang="de"),
        },
        pages={
            "/news/wood/2099/03/10/Größe_der-Kessel.html",
            "/notes/second/",
            "/2099/03/10/bank.html",
        },
    ),
    "vitepress": Form(
        files={
            "index.md": "# Workbench\n",
            "blog/2099/Größe_der-Kessel.md": a_file("Die Größe", TEXT, date=DAY),
            "blog/v2.0-second.md": f"---\ndate: {DAY}\n---\n\n# Second\n\n{SECOND}",
            "de/blog/bank.md": a_file("Dritte Bank", THIRD, date=DAY),
        },
        edits={".vitepress/config.mts": ("if (frontmatter.status !== 'published') continue", "")},
        pages={"/blog/2099/Größe_der-Kessel", "/blog/v2.0-second", "/de/blog/bank"},
    ),
    "astro": Form(
        files={
            "src/content/blog/2099/Größe der Kessel.md": a_file(
                "Die Größe", TEXT, pubDate="Mar 10 2099"
            ),
            "src/content/blog/second.md": a_file(
                "Second", SECOND, pubDate=DAY, slug="other/second"
            ),
            "src/content/blog/de/bank.md": a_file("Dritte Bank", THIRD, pubDate=DAY),
        },
        pages={"/blog/2099/größe-der-kessel/", "/blog/other/second/", "/blog/de/bank/"},
    ),
    "eleventy": Form(
        files={
            "posts/2099/Größe_der Kessel.md": a_file("Die Größe", TEXT, date=DAY),
            "posts/second.md": a_file(
                "Second", SECOND, date=DAY, permalink='"/notes/{{ title | slugify }}/"'
            ),
            "posts/de/bank.md": a_file("Dritte Bank", THIRD, date=DAY),
        },
        pages={"/posts/2099/Größe_der Kessel/", "/notes/second/", "/posts/de/bank/"},
    ),
    "mkdocs": Form(
        files={
            "docs/blog/posts/2099/kessel.md": f"---\ndate: {DAY}\n---\n\n# Die Größe\n\n{TEXT}",
            "docs/blog/posts/second.md": a_file("Second", SECOND, date=DAY, slug="other"),
            "docs/blog/posts/de/bank.md": a_file("Dritte Bank", THIRD, date=DAY),
        },
        pages={
            "/blog/2099/03/10/die-größe/",
            "/blog/2099/03/10/other/",
            "/blog/2099/03/10/dritte-bank/",
        },
    ),
    "pelican": Form(
        files={
            "content/wood/Größe_der Kessel.md": f"Title: Die Größe\nDate: {DAY} 09:00\n\n{TEXT}",
            "content/second.md": f"Title: Second\nDate: {DAY} 09:00\nUrl: special/second/\n"
            f"Save_as: special/second/index.html\n\n{SECOND}",
            "content/bank-de.md": f"Title: Dritte Bank\nDate: {DAY} 09:00\nLang: de\n\n{THIRD}",
        },
        pages={"/die-grosse.html", "/special/second/", "/dritte-bank-de.html"},
    ),
    "nikola": Form(
        files={
            "posts/2099/Größe_der Kessel.md": f"<!--\n.. title: Die Größe\n.. slug: first\n"
            f".. date: {DAY} 09:00:00\n-->\n\n{TEXT}",
            "posts/second.md": a_file("Second", SECOND, date=f"{DAY} 09:00:00", slug="other"),
            "posts/bank.de.md": a_file("Dritte Bank", THIRD, date=f"{DAY} 09:00:00", slug="bank"),
        },
        more={
            "conf.py": '\nTRANSLATIONS = {"en": "", "de": "./de"}\n'
            'POSTS = (("posts/*.md", "posts", "post.tmpl"),)\n'
        },
        pages={"/posts/2099/first/", "/posts/other/", "/posts/bank/"},
    ),
}


def a_site(name: str, folder: Path) -> Workbench:
    bench = a_workbench(name, folder)
    bench.post.unlink()
    form = FORMS[name]
    for path, text in form.files.items():
        file = bench.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for path, text in form.more.items():
        file = bench.folder / path
        file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    for path, (old, new) in form.edits.items():
        file = bench.folder / path
        assert old in file.read_text(encoding="utf-8")
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return bench


@pytest.mark.parametrize("name", FORMS)
def test_posts_are_announced_where_the_generator_puts_them_and_not_shown_before(
    name: str, tmp_path: Path
) -> None:
    bench = a_site(name, tmp_path / "site")
    bench.publisher("init", "--no-build")

    bench.publisher("rehearse", "--scratch", "scratch")

    sent = [json.loads(f.read_text())["link"] for f in bench.folder.glob("scratch/outbox/*.json")]
    before = bench.folder / "scratch/before"
    pages = {file: unpacked(file) for file in before.rglob("*") if file.is_file()}
    assert sorted(unquote(link).removeprefix(ADDRESS) for link in sent) == sorted(FORMS[name].pages)
    assert [(file, words) for file, text in pages.items() if (words := list(told(text)))] == []
    assert [f for f, text in pages.items() if SECOND[:40] in text or THIRD[:40] in text] == []
