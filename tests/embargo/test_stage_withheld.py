"""What never gets into the stage: withdrawn posts, strays, leftovers, the rest of a bundle."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from publisher.config.settings import Settings
from publisher.embargo.stage import Stage, Staged
from publisher.embargo.stage.theme_data import stage_with_data
from publisher.generators import GENERATORS
from publisher.model import Embargo, LedgerView, PostId, ReleaseState
from publisher.posts.library import Library
from tests.embargo.staged_sites import (
    PUBLIC,
    SECRET,
    a_post,
    a_site,
    an_image,
    public,
    staged,
    update,
    write,
)
from tests.factories import HOUR, NOW, a_release, a_view

HUGO = GENERATORS["hugo"]


def a_hugo_site(project: Path) -> Settings:
    return a_site(project, generator=HUGO)


def a_hugo_post(*lines: str, date: str = "2020-03-09", body: str = SECRET) -> str:
    head = ("title: A title", "description: In short", f"publishDate: {date}", *lines)
    return "\n".join(["---", *head, "---", "", body, ""])


def stage_data(settings: Settings, view: LedgerView | None = None) -> Staged:
    view = view or a_view()
    scan = Library(settings.site, settings.project).scan(view, NOW)
    return stage_with_data(settings, scan, view, NOW, environ={})


# --- withdrawn posts ---------------------------------------------------------------------------


def test_a_post_that_is_gone_has_no_page_though_its_file_says_scheduled(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    write(tmp_path, "blog/old.md", a_hugo_post("draft: true"))
    write(tmp_path, "blog/public.md", a_hugo_post("draft: false", body=PUBLIC))
    scan = Library(settings.site, settings.project).scan()

    found = Stage(settings).update(scan, gone=(PostId("old"), PostId("public")), now=NOW)

    assert staged(settings, "blog/old.md") is None
    assert staged(settings, "blog/public.md") is not None
    assert [(h.post, h.policy) for h in found.hidden] == [("old", Embargo.OMIT)]


@pytest.mark.parametrize("state", [ReleaseState.WITHDRAWN, ReleaseState.BASELINE])
def test_a_withdrawn_post_is_neither_staged_nor_among_the_data(
    tmp_path: Path, state: ReleaseState
) -> None:
    settings = a_hugo_site(tmp_path)
    write(tmp_path, "blog/old.md", a_hugo_post("draft: true", "series: {name: Saws, part: 1}"))
    (post,) = Library(settings.site, settings.project).scan().posts

    stage_data(settings, a_view([a_release(post, state)]))

    assert staged(settings, "blog/old.md") is None
    data = json.loads(staged(settings, "data/publisher.json") or b"")
    assert (data["posts"], data["series"]) == ({}, {})


def test_a_withdrawn_post_with_a_coming_date_is_under_embargo_again(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    write(tmp_path, "blog/old.md", a_hugo_post("draft: true", date="2999-03-09"))
    (post,) = Library(settings.site, settings.project).scan().posts

    found = stage_data(settings, a_view([a_release(post, ReleaseState.WITHDRAWN)]))

    assert [h.policy for h in found.hidden] == [Embargo.REDACT]


# --- section pages -----------------------------------------------------------------------------


@pytest.mark.parametrize(("date", "is_staged"), [("2020-03-09", False), ("2099-03-09", True)])
def test_draft_whose_date_had_passed_when_first_seen_has_no_page(
    date: str, is_staged: bool, tmp_path: Path
) -> None:
    settings = a_hugo_site(tmp_path)
    write(tmp_path, "blog/old.md", a_hugo_post("draft: true", date=date))

    stage_data(settings)

    assert (staged(settings, "blog/old.md") is not None) is is_staged


@pytest.mark.parametrize("name", ["blog/trip/index.md", "blog/_index.md", "blog/index.md"])
def test_a_section_page_that_is_a_draft_is_not_staged(tmp_path: Path, name: str) -> None:
    settings = a_hugo_site(tmp_path)
    write(tmp_path, "blog/old.md", a_hugo_post(body=PUBLIC))
    write(tmp_path, name, f"---\ntitle: A trip\ndraft: true\n---\n\n{SECRET}\n")

    found = update(settings)

    assert staged(settings, name) is None
    assert staged(settings, "blog/old.md") is not None
    assert [h.policy for h in found.hidden] == [Embargo.OMIT]


# --- strays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".md", ".mdx", ".markdown", ".mdown", ".mkd", ".html"])
@pytest.mark.parametrize("status", ["draft", "scheduled", "Draft"])
def test_an_unreleased_file_outside_of_the_posts_is_not_staged(
    tmp_path: Path, suffix: str, status: str
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, f"later/next{suffix}", a_post(status=status))

    found = update(settings)

    assert staged(settings, f"later/next{suffix}") is None
    assert found.withheld == (f"site/later/next{suffix}",)
    assert SECRET in found.hidden[0].text


@pytest.mark.parametrize(
    "text",
    [
        f"---\ntitle: [A\nstatus: scheduled\n---\n\n{SECRET}\n",
        f"+++\ntitle = \nstatus = 'draft'\n+++\n\n{SECRET}\n",
        f'{{"title": "A", "status": "draft"}}\n\n{SECRET}\n',
    ],
)
def test_a_stray_is_known_in_any_format_and_when_it_is_broken(tmp_path: Path, text: str) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "later/next.md", text)

    assert update(settings).withheld == ("site/later/next.md",)
    assert staged(settings, "later/next.md") is None


@pytest.mark.parametrize("line", ["draft: true", "Draft: true", 'draft: "true"'])
def test_a_stray_is_known_by_a_flag(tmp_path: Path, line: str) -> None:
    settings = a_hugo_site(tmp_path)
    write(tmp_path, "later/next.md", f"---\ntitle: A\n{line}\n---\n\n{SECRET}\n")

    assert update(settings).withheld == ("site/later/next.md",)


def test_a_page_of_another_kind_is_staged_as_it_is(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    pages = {
        "about.md": "# About\n",
        "docs/a.md": "---\nstatus: experimental\n---\n\nText.\n",
        "docs/b.md": "---\nstatus: published\n---\n\nText.\n",
        "docs/c.html": "---\ntitle: [A\n---\n<p>Text.</p>\n",
    }
    for name, text in pages.items():
        write(tmp_path, name, text)

    first, second = update(settings), update(settings)

    assert first.withheld == ()
    assert {name: (staged(settings, name) or b"").decode() for name in pages} == pages
    assert second.changed == ()


def test_a_mistyped_glob_lets_nothing_out(tmp_path: Path) -> None:
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "blog/old.md", a_post(status="published", body=PUBLIC))
    update(a_site(tmp_path))
    settings = a_site(tmp_path, posts=("posts/**/*.md",))

    found = update(settings)

    assert staged(settings, "blog/next.md") is None
    assert staged(settings, "blog/old.md") is not None
    assert found.withheld == ("site/blog/next.md",)


def test_a_page_that_became_a_draft_is_removed_and_comes_back(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "about.md", a_post(status="published"))
    update(settings)
    write(tmp_path, "about.md", a_post(status="draft"))
    update(settings)
    removed = staged(settings, "about.md")
    again = update(settings)
    write(tmp_path, "about.md", a_post(status="published"))

    found = update(settings)

    assert removed is None
    assert again.changed == ()
    assert found.changed == ("site/about.md",)


def test_a_site_without_embargo_holds_drafts_only(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OFF)
    write(tmp_path, "later/next.md", a_post())
    write(tmp_path, "later/idea.md", a_post(status="draft"))

    assert update(settings).withheld == ("site/later/idea.md",)


@pytest.mark.parametrize(
    "name",
    [
        "next.md~",
        "next.md.bak",
        "next.orig",
        "next.md.rej",
        ".next.md.swp",
        "#next.md#",
        ".#next.md",
        "next.tmp",
        "cron.log",
    ],
)
def test_what_editors_and_logs_leave_behind_is_not_staged(tmp_path: Path, name: str) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, f"blog/{name}", a_post())
    (tmp_path / name).write_text(SECRET)

    found = update(settings)

    assert staged(settings, f"blog/{name}") is None
    assert not (found.folder / name).exists()
    assert SECRET not in public(found)


# --- bundles -----------------------------------------------------------------------------------


def test_the_other_files_of_a_bundle_are_held_with_their_post(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    draft = a_hugo_post("draft: true", date="2999-03-09", body=f"{SECRET}\n\n![x](shown.png)")
    write(tmp_path, "blog/door/index.md", draft)
    write(tmp_path, "blog/old/index.md", a_hugo_post(body="![x](cover.png)"))
    for name in ("door/said.txt", "door/more/data.csv", "door/other.png", "old/said.txt"):
        write(tmp_path, f"blog/{name}", an_image() if name.endswith("png") else "Words.")
    for name in ("door/shown.png", "old/cover.png"):
        write(tmp_path, f"blog/{name}", an_image())

    found = update(settings)

    names = sorted(p.name for p in (found.root / "blog/door").rglob("*") if p.is_file())
    assert names[1:] == ["index.md"]
    assert names[0].startswith("embargoed-")
    assert staged(settings, "blog/old/said.txt") == b"Words."
    assert staged(settings, "blog/old/cover.png") == an_image()
    write(tmp_path, "blog/door/index.md", draft.replace("draft: true", "draft: false"))
    update(settings)
    assert staged(settings, "blog/door/said.txt") == b"Words."
    assert staged(settings, "blog/door/other.png") == an_image()


def test_the_texts_of_a_bundle_are_those_of_its_post(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    draft = a_hugo_post("draft: true", date="2999-03-09")
    write(tmp_path, "blog/door/index.md", draft)
    write(tmp_path, "blog/door/notes.txt", "What the carpenter said.")
    write(tmp_path, "blog/door/code/plane.py", "print('```')\n")
    write(tmp_path, "blog/door/data.csv", "wood,age\n")
    write(tmp_path, "blog/door/blob.bin", b"\0\1")
    write(tmp_path, "blog/door/long.csv", "x" * 1_000_001)
    (tmp_path / "site/blog/door/link.txt").symlink_to("notes.txt")

    found = update(settings)

    texts = {hidden.path: hidden for hidden in found.hidden}
    assert sorted(texts) == [
        "site/blog/door/code/plane.py",
        "site/blog/door/data.csv",
        "site/blog/door/index.md",
        "site/blog/door/notes.txt",
    ]
    assert {hidden.post for hidden in found.hidden} == {"door"}
    assert [h.path for h in found.hidden if not h.is_bundled] == ["site/blog/door/index.md"]
    assert texts["site/blog/door/notes.txt"].text == "What the carpenter said."
    assert texts["site/blog/door/code/plane.py"].text == "````\nprint('```')\n\n````"


def test_the_texts_of_a_bundle_are_kept_up_to_date(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    draft = a_hugo_post("draft: true", date="2999-03-09")
    write(tmp_path, "blog/door/index.md", draft)
    notes = write(tmp_path, "blog/door/notes.txt", "What the carpenter said.")
    data = write(tmp_path, "blog/door/data.csv", "wood,age\n")
    update(settings)
    notes.write_text("What the carpenter denied.")
    data.unlink()

    later = {hidden.path: hidden.text for hidden in update(settings).hidden}
    write(tmp_path, "blog/door/index.md", draft.replace("draft: true", "draft: false"))
    released = update(settings)

    assert later["site/blog/door/notes.txt"] == "What the carpenter denied."
    assert "site/blog/door/data.csv" not in later
    assert released.hidden == ()
    assert "What the carpenter denied." in public(released)


def test_a_section_with_pages_is_no_bundle(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/trip/index.md", a_post(status="draft"))
    write(tmp_path, "blog/trip/day.md", a_post(status="published"))
    write(tmp_path, "blog/trip/map.txt", "A map")
    write(tmp_path, "blog/index.md", a_post(status="draft"))
    write(tmp_path, "blog/style.css", "p {}")

    update(settings)

    assert staged(settings, "blog/trip/map.txt") == b"A map"
    assert staged(settings, "blog/style.css") == b"p {}"


# --- files in error ----------------------------------------------------------------------------


def test_a_public_page_in_error_is_staged_as_it_is(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    text = a_post("id: not/an-id", status="published", body=PUBLIC)
    write(tmp_path, "blog/old.md", text)
    write(tmp_path, "blog/next.md", a_post("id: not/an-id"))
    write(tmp_path, "blog/odd.md", a_post(status="schduled"))

    first, second = update(settings), update(settings)

    assert staged(settings, "blog/old.md") == text.encode()
    assert [h.post for h in first.hidden] == ["next", "odd"]
    assert (second.changed, second.hidden) == ((), first.hidden)
    assert staged(settings, "blog/next.md") is staged(settings, "blog/odd.md") is None


def test_a_page_in_error_that_was_taken_back_is_removed(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="published"))
    update(settings)
    write(tmp_path, "blog/old.md", a_post("id: not/an-id", status="draft"))

    update(settings)

    assert staged(settings, "blog/old.md") is None


@pytest.mark.parametrize(("status", "is_staged"), [("published", True), ("scheduled", False)])
def test_a_file_in_error_that_is_new_since_the_scan_is_what_it_says(
    tmp_path: Path, status: str, is_staged: bool
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "about.md", "# About\n")
    scan = Library(settings.site, settings.project).scan()
    write(tmp_path, "blog/new.md", a_post("id: not/an-id", status=status))

    Stage(settings).update(scan, now=NOW)

    assert (staged(settings, "blog/new.md") is not None) is is_staged


# --- images ------------------------------------------------------------------------------------


def test_an_image_is_not_public_because_another_of_its_name_is(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    for name, status, colour in (("chest", "published", "red"), ("safe", "scheduled", "blue")):
        write(tmp_path, f"blog/{name}/cover.png", an_image(colour))
        write(tmp_path, f"blog/{name}/index.md", a_post(status=status, body="![x](./cover.png)"))

    update(settings)

    assert staged(settings, "blog/chest/cover.png") == an_image("red")
    assert staged(settings, "blog/safe/cover.png") is None


@pytest.mark.parametrize(
    "mention",
    [
        '<img :src="`${folder}/cover.png`">',
        '"theme\\/cover.png"',
        "https://cdn.example/cover.png",
        "theme/none/cover.png",
    ],
)
def test_a_public_path_that_leads_nowhere_makes_all_of_its_name_public_but_of_unreleased_folders(
    tmp_path: Path, mention: str
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "public/safe/cover.png", an_image("red"))
    write(tmp_path, "blog/safe/img/cover.png", an_image("blue"))
    write(
        tmp_path, "blog/safe/index.md", a_post(body="![x](./img/cover.png) ![y](/safe/cover.png)")
    )
    write(tmp_path, ".vitepress/theme/Card.vue", mention.replace("img\\/cover", "other\\/cover"))

    update(settings)

    assert staged(settings, "public/safe/cover.png") == an_image("red")
    assert staged(settings, "blog/safe/img/cover.png") is None


@pytest.mark.parametrize(
    ("path", "mention"),
    [
        ("layouts/single.html", '{{ with .Resources.GetMatch "cover.png" }}'),
        ("README.md", "Put a cover.png beside each index.md"),
        ("blog/old/index.md", a_post(status="published", body="![x](cover.png)")),
    ],
)
def test_the_name_alone_makes_no_image_of_an_unreleased_folder_public(
    tmp_path: Path, path: str, mention: str
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/safe/cover.png", an_image("blue"))
    write(tmp_path, "blog/safe/index.md", a_post())
    write(tmp_path, path, mention)

    update(settings)

    assert staged(settings, "blog/safe/cover.png") is None


def test_a_public_path_into_an_unreleased_folder_makes_its_image_public(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/safe/cover.png", an_image("blue"))
    write(tmp_path, "blog/safe/index.md", a_post())
    write(tmp_path, ".vitepress/theme/Card.vue", "import x from '@/safe/cover.png'")

    update(settings)

    assert staged(settings, "blog/safe/cover.png") == an_image("blue")


@pytest.mark.parametrize(
    "text",
    [
        a_post('note: "See ![x](/lathe.png) here"'),
        a_post(body="<style>\n.a { background: url(/lathe.png) }\n</style>"),
        a_post(body="<div>\n![x](/lathe.png)\n</div>"),
    ],
)
def test_an_image_anywhere_in_an_unreleased_file_is_under_embargo(
    tmp_path: Path, text: str
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "public/lathe.png", an_image())
    write(tmp_path, "blog/next.md", text)

    update(settings)

    assert staged(settings, "public/lathe.png") is None


# --- data for themes, and what may be read -----------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_the_authors_own_file_gives_way_to_our_data(tmp_path: Path, kind: str) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="published"))
    own = tmp_path / "site/publisher.json"
    if kind == "file":
        own.write_text("{}")
    elif kind == "folder":
        own.mkdir()
    else:
        own.symlink_to(tmp_path / "nowhere.json")

    stage_data(settings)
    Stage(settings).mark_built()
    second = stage_data(settings)

    assert "old" in json.loads(staged(settings, "publisher.json") or b"")["posts"]
    assert second.changed == ()
    assert not Stage(settings).is_unbuilt
    assert not (tmp_path / "nowhere.json").exists()


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_data_are_not_written_where_their_folder_is_none(tmp_path: Path, kind: str) -> None:
    settings = a_hugo_site(tmp_path)
    folder = tmp_path / "site/data"
    if kind == "file":
        folder.write_text("")
    else:
        folder.symlink_to(tmp_path / "shared")
    if kind == "link":
        (tmp_path / "shared").mkdir()

    stage_data(settings)

    assert not list(tmp_path.glob("shared/*"))


def test_public_passes_over_what_a_build_put_in_the_place_of_a_text(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "about.md", "About.\n")
    write(tmp_path, "other.md", "Other.\n")
    found = update(settings)
    (found.root / "about.md").unlink()
    (found.root / "about.md").mkdir()

    assert "Other.\n" in public(found)


# --- preview blocks ----------------------------------------------------------------------------


def test_a_preview_block_in_the_frontmatter_of_a_page_is_redacted(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    feature = f"details: <postPreview post='next' blurred>{SECRET}</postPreview>"
    write(tmp_path, "index.md", f"---\nlayout: home\nfeatures:\n  - {feature}\n---\n\n{PUBLIC}\n")

    update(settings)

    page = (staged(settings, "index.md") or b"").decode()
    assert "lathe" not in page
    assert page.endswith(f"</postPreview>\n---\n\n{PUBLIC}\n")


# --- late posts --------------------------------------------------------------------------------


def test_a_page_under_embargo_promises_no_day_that_is_over(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    days = {"late": NOW - 24 * HOUR, "today": NOW, "coming": NOW + 24 * HOUR}
    for name, day in days.items():
        write(tmp_path, f"blog/{name}.md", a_hugo_post("draft: true", f"reveal: {day:%Y-%m-%d}"))

    stage_data(settings)

    pages = {name: (staged(settings, f"blog/{name}.md") or b"").decode() for name in days}
    assert "> Coming soon\n" in pages["late"]
    for name in ("today", "coming"):
        assert re.search(rf"> Coming \w+, \w+ {days[name].day}, {days[name].year}\n", pages[name])


def test_a_day_that_passes_changes_the_pages_of_its_posts_only(tmp_path: Path) -> None:
    settings = a_hugo_site(tmp_path)
    for name, day in (("today", NOW), ("coming", NOW + 240 * HOUR)):
        write(tmp_path, f"blog/{name}.md", a_hugo_post("draft: true", f"reveal: {day:%Y-%m-%d}"))
    scan = Library(settings.site, settings.project).scan()
    stage_with_data(settings, scan, a_view(), NOW, environ={})

    changed = [
        [path for path in found.changed if path.endswith(".md")]
        for found in (
            stage_with_data(settings, scan, a_view(), NOW + 24 * HOUR, environ={}),
            stage_with_data(settings, scan, a_view(), NOW + 48 * HOUR, environ={}),
        )
    ]

    assert changed == [["site/blog/today.md"], []]
