"""The staged copy of a project, on real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from publisher.config.settings import RebuildSettings, Settings
from publisher.embargo.stage import Stage
from publisher.model import Embargo
from publisher.model.errors import PublisherError, SiteError
from publisher.posts.library import Library
from tests.embargo.staged_sites import (
    KILLED,
    PUBLIC,
    SECRET,
    a_post,
    a_site,
    an_image,
    files,
    public,
    size_of,
    staged,
    tree,
    update,
    write,
)
from tests.factories import NOW

# --- what stands for what ----------------------------------------------------------------------


def test_what_is_public_is_staged_as_it_is(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    post = write(tmp_path, "blog/old.md", b"\xef\xbb\xbf" + a_post(status="published").encode())
    script = write(tmp_path, "tools/build.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    os.utime(post, ns=(1, 1_700_000_000_123_456_789))
    (tmp_path / "package.json").write_text("{}")

    found = update(settings)

    copy = found.folder / "site"
    assert (copy / "blog/old.md").read_bytes() == post.read_bytes()
    assert (copy / "blog/old.md").stat().st_mtime_ns == 1_700_000_000_123_456_789
    assert (copy / "tools/build.sh").stat().st_mode & 0o777 == 0o755
    assert (found.folder / "package.json").read_text() == "{}"
    assert (found.root, found.output) == (copy, copy / ".vitepress/dist")
    assert found.hidden == ()


@pytest.mark.parametrize("policy", [Embargo.REDACT, Embargo.TEASER])
def test_a_scheduled_post_has_a_page_without_its_text(tmp_path: Path, policy: Embargo) -> None:
    settings = a_site(tmp_path, embargo=policy)
    write(tmp_path, "blog/next.md", a_post())

    found = update(settings)

    page = staged(settings, "blog/next.md")
    assert page is not None
    assert b"title: A title" in page
    assert b"lathe" not in page
    assert [(h.post, h.path, h.policy) for h in found.hidden] == [
        ("next", "site/blog/next.md", policy)
    ]
    assert SECRET in found.hidden[0].text


def test_the_policy_of_a_post_comes_before_that_of_the_site(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.REDACT)
    write(tmp_path, "blog/one.md", a_post("embargo: omit"))
    write(tmp_path, "blog/two.md", a_post("embargo: false"))

    found = update(settings)

    assert staged(settings, "blog/one.md") is None
    assert staged(settings, "blog/two.md") == a_post("embargo: false").encode()
    assert [h.post for h in found.hidden] == ["one"]


def test_a_draft_has_no_page_whatever_the_policy(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/idea.md", a_post(status="draft"))

    found = update(settings)

    assert staged(settings, "blog/idea.md") is None
    assert [(h.post, h.policy) for h in found.hidden] == [("idea", Embargo.OMIT)]


def test_a_file_that_is_no_post_and_says_nothing_is_staged_as_it_is(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    plain = f"# No frontmatter\n\n{PUBLIC}\n"
    write(tmp_path, "blog/plain.md", plain)
    write(tmp_path, "blog/.draft.md", a_post())
    write(tmp_path, "blog/index.md", "# All posts\n")

    found = update(settings)

    assert staged(settings, "blog/plain.md") == plain.encode()
    assert staged(settings, "blog/.draft.md") is None
    assert staged(settings, "blog/index.md") == b"# All posts\n"
    assert found.withheld == ("site/blog/.draft.md",)


def test_an_unreleased_post_that_broke_stays_as_it_was_staged_until_it_reads_again(
    tmp_path: Path,
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "blog/idea.md", a_post(status="draft"))
    update(settings)
    filler = staged(settings, "blog/next.md")
    for text in ("---\nstatus: draft\nstatus: x\n---\n\nText.\n", "Half of a text", ""):
        write(tmp_path, "blog/next.md", text)
        write(tmp_path, "blog/idea.md", text)

        found = update(settings)

        assert staged(settings, "blog/next.md") == filler
        assert staged(settings, "blog/idea.md") is None
        assert found.changed == ()
        assert found.withheld == ("site/blog/idea.md", "site/blog/next.md")
        assert [(h.post, h.url) for h in found.hidden] == [
            ("idea", "https://example.org/blog/idea"),
            ("next", "https://example.org/blog/next"),
        ]
    write(tmp_path, "blog/next.md", a_post(status="published"))
    assert update(settings).withheld == ("site/blog/idea.md",)
    assert staged(settings, "blog/next.md") == a_post(status="published").encode()


def test_a_public_post_that_broke_stays_public(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="published", body=PUBLIC))
    update(settings)
    text = a_post(status="publishd", body=f"{PUBLIC}\n\nMore.")
    write(tmp_path, "blog/old.md", text)

    found = update(settings)

    assert staged(settings, "blog/old.md") == text.encode()
    assert (found.hidden, found.withheld) == ((), ())
    assert PUBLIC in public(found)


def test_a_post_that_waits_in_the_ledger_and_is_broken_is_not_staged_anew(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", SECRET)
    scan = Library(settings.site, settings.project).scan()
    stage = Stage(settings)

    stage.update(scan, waiting=("site/blog/next.md",), now=NOW)
    again = stage.update(scan, waiting=("site/blog/next.md",), now=NOW)

    assert staged(settings, "blog/next.md") is None
    assert again.withheld == ("site/blog/next.md",)


def test_a_post_that_is_new_since_the_scan_is_not_taken_for_a_page(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    scan = Library(settings.site, settings.project).scan()
    write(tmp_path, "blog/new.md", a_post())

    Stage(settings).update(scan, now=NOW)

    assert staged(settings, "blog/new.md") is None


def test_a_post_that_was_taken_back_since_the_scan_stops_the_update(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="published"))
    write(tmp_path, "blog/index.md", "# All posts\n")
    scan = Library(settings.site, settings.project).scan()
    write(tmp_path, "blog/old.md", a_post(status="scheduled"))

    with pytest.raises(PublisherError, match=r"site/blog/old\.md: changed since it was read"):
        Stage(settings).update(scan, now=NOW)

    assert staged(settings, "blog/old.md") is None


def test_a_section_page_that_became_a_post_since_the_scan_stops_the_update(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/trip/index.md", "# A trip\n")
    scan = Library(settings.site, settings.project).scan()
    write(tmp_path, "blog/trip/index.md", a_post())

    with pytest.raises(PublisherError, match="changed since it was read"):
        Stage(settings).update(scan, now=NOW)

    assert staged(settings, "blog/trip/index.md") is None


def test_preview_blocks_follow_the_post_they_show(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "blog/old.md", a_post(status="published", body=PUBLIC))
    page = (
        "# Series\r\n\r\nBefore.\r\n\r\n"
        f'<PostPreview blurred post="next">\n\n{SECRET}\n\n</PostPreview>\n\n'
        f'<PostPreview revealed post="old">\n\n{PUBLIC}\n\n</PostPreview>\n'
    )
    write(tmp_path, "series.md", page)
    write(tmp_path, "blog/landing.md", a_post(status="published", body=page))

    found = update(settings)

    for name in ("series.md", "blog/landing.md"):
        text = (staged(settings, name) or b"").decode()
        assert "lathe" not in text
        assert PUBLIC in text
        assert "Before.\r\n" in text
    assert "lathe" not in public(found)


def test_a_release_reveals_its_blocks_and_nothing_else_changes(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "blog/later.md", a_post())
    page = '<PostPreview blurred post="{}">\n\nThe lathe ran.\n\n</PostPreview>\n'
    write(tmp_path, "next.md", page.format("next"))
    write(tmp_path, "later.md", page.format("later"))
    update(settings)
    write(tmp_path, "blog/next.md", a_post(status="published"))
    write(tmp_path, "next.md", page.format("next").replace("blurred", "revealed"))

    found = update(settings)

    assert found.changed == ("site/blog/next.md", "site/next.md")
    assert b"The lathe ran." in (staged(settings, "next.md") or b"")
    assert [h.post for h in found.hidden] == ["later"]


def test_a_withdrawn_post_leaves_neither_page_nor_output(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="published"))
    built = update(settings).output
    (built / "blog").mkdir(parents=True)
    (built / "blog" / "old.html").write_text(SECRET)
    cache = built.parent / "cache"
    cache.mkdir()
    write(tmp_path, "blog/old.md", a_post("embargo: omit"))

    update(settings)

    assert staged(settings, "blog/old.md") is None
    assert not built.exists()
    assert cache.is_dir()


# --- images ------------------------------------------------------------------------------------


def a_picture_post(settings: Settings, target: str, file: str) -> None:
    write(settings.project, file, an_image("red"))
    write(settings.project, "blog/next.md", a_post(body=f"{SECRET}\n\n![A lathe]({target})"))


@pytest.mark.parametrize(
    ("target", "file", "folder"),
    [
        ("/images/lathe.png", "public/images/lathe.png", "public/images"),
        ("/images/lathe.png?v=2", "static/images/lathe.png", "static/images"),
        ("https://example.org/images/lathe.png", "public/images/lathe.png", "public/images"),
        ("./lathe.png", "blog/lathe.png", "blog"),
        ("../assets/the%20lathe.png", "assets/the lathe.png", "assets"),
        ("@/assets/lathe.png", "src/assets/lathe.png", "src/assets"),
    ],
)
def test_an_image_under_embargo_gives_way_to_a_placeholder(
    tmp_path: Path, target: str, file: str, folder: str
) -> None:
    settings = a_site(tmp_path)
    a_picture_post(settings, target, file)

    found = update(settings)

    assert staged(settings, file) is None
    (made,) = (found.root / folder).glob("embargoed-*.png")
    assert size_of(made) == (40, 20)
    page = (staged(settings, "blog/next.md") or b"").decode()
    assert f"]({target.rpartition('/')[0]}/{made.name})" in page


def test_a_hero_under_embargo_gives_way_to_a_placeholder(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "public/hero.png", an_image("blue"))
    write(tmp_path, "blog/next.md", a_post("hero: {image: /hero.png, alt: A bench}"))

    found = update(settings)

    assert staged(settings, "public/hero.png") is None
    (made,) = (found.root / "public").glob("embargoed-*.png")
    with Image.open(made) as image:
        assert image.getpixel((0, 0)) == (0, 0, 255)
    assert f"/{made.name}" in (staged(settings, "blog/next.md") or b"").decode()


@pytest.mark.parametrize(
    "mention", ["![x](/img/a lathe.png)", '<img src="/img/a%20lathe.png">', "image: a lathe.png"]
)
def test_an_image_that_public_text_names_stays(tmp_path: Path, mention: str) -> None:
    settings = a_site(tmp_path)
    a_picture_post(settings, "/img/a%20lathe.png", "public/img/a lathe.png")
    write(tmp_path, "about.md", f"See {mention} here.\n")

    found = update(settings)

    assert staged(settings, "public/img/a lathe.png") == an_image("red")
    assert "(/img/a%20lathe.png)" in (staged(settings, "blog/next.md") or b"").decode()
    assert not list(found.root.rglob("embargoed-*"))


def test_an_image_with_a_longer_name_makes_none_public(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    a_picture_post(settings, "/lathe.png", "public/lathe.png")
    write(tmp_path, "about.md", "![x](/old-lathe.png)\n")

    update(settings)

    assert staged(settings, "public/lathe.png") is None


def test_an_image_of_an_omitted_post_is_under_embargo(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OMIT)
    a_picture_post(settings, "/lathe.png", "public/lathe.png")

    found = update(settings)

    assert not list(found.root.rglob("*.png"))


def test_an_image_of_a_post_that_broke_stays_under_embargo(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "public/img/hero.png", an_image())
    write(tmp_path, "public/img/lathe.png", an_image())
    text = a_post("hero: {image: /img/hero.png}", body="![x](/img/lathe.png)")
    write(tmp_path, "blog/next.md", text)
    before = tree(update(settings).root)
    write(tmp_path, "blog/next.md", text.replace("title:", "title: ["))

    found = update(settings)

    assert tree(found.root) == before
    assert len(list(found.root.rglob("*.png"))) == 2


def test_an_image_in_a_preview_block_is_under_embargo(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "public/lathe.png", an_image())
    block = '<PostPreview blurred post="next">\n\n![x](/lathe.png)\n\n</PostPreview>\n'
    write(tmp_path, "series.md", block)

    found = update(settings)

    assert staged(settings, "public/lathe.png") is None
    (made,) = (found.root / "public").glob("embargoed-*.png")
    assert made.name in (staged(settings, "series.md") or b"").decode()


@pytest.mark.parametrize(
    ("target", "folder", "start"),
    [
        ("/img/none.jpg", "public/img", "/img/"),
        ("./none.jpg", "blog", "./"),
        ("@/none.jpg", "blog", "./"),
        ("../../../none.jpg", "blog", "./"),
        ("https://cdn.example/none.jpg", "public", "/"),
    ],
)
def test_a_missing_image_has_a_placeholder_made_from_nothing(
    tmp_path: Path, target: str, folder: str, start: str
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "public/robots.txt", "")
    write(tmp_path, "blog/next.md", a_post(body=f"![x]({target})"))

    found = update(settings)

    (made,) = found.root.rglob("embargoed-*.*")
    assert made.parent == found.root / folder
    assert size_of(made) == (1200, 630)
    assert f"]({start}{made.name})" in (staged(settings, "blog/next.md") or b"").decode()


def test_an_image_is_under_embargo_where_all_files_of_a_folder_count_as_posts(
    tmp_path: Path,
) -> None:
    settings = a_site(tmp_path, posts=("blog/**",))
    a_picture_post(settings, "./lathe.png", "blog/lathe.png")

    update(settings)

    assert staged(settings, "blog/lathe.png") is None


def test_a_release_brings_the_image_back(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    a_picture_post(settings, "/lathe.png", "public/lathe.png")
    update(settings)
    write(tmp_path, "blog/next.md", a_post(status="published", body="![A lathe](/lathe.png)"))

    found = update(settings)

    assert staged(settings, "public/lathe.png") == an_image("red")
    assert not list(found.root.rglob("embargoed-*"))
    assert len(found.changed) == 3


def test_the_placeholder_follows_the_image(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    a_picture_post(settings, "/lathe.png", "public/lathe.png")
    update(settings)
    write(tmp_path, "public/lathe.png", an_image("red", size=(80, 10)))

    found = update(settings)

    (made,) = (found.root / "public").glob("embargoed-*.png")
    assert size_of(made) == (80, 10)
    assert found.changed == (f"site/public/{made.name}",)


# --- in step -----------------------------------------------------------------------------------


def test_a_second_update_changes_nothing(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    a_picture_post(settings, "/lathe.png", "public/lathe.png")
    write(tmp_path, "series.md", '<PostPreview post="next">\n\nText\n\n</PostPreview>\n')
    first = update(settings)
    before = {path: path.lstat().st_ctime_ns for path in first.folder.rglob("*")}

    second = update(settings)

    assert second.changed == ()
    assert second.hidden == first.hidden
    assert second.texts == first.texts
    assert {path: path.lstat().st_ctime_ns for path in second.folder.rglob("*")} == before


def test_an_edit_costs_one_file(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/one.md", a_post())
    write(tmp_path, "blog/two.md", a_post())
    write(tmp_path, "about.md", "About.\n")
    update(settings)
    write(tmp_path, "blog/two.md", a_post(body=f"{SECRET} And more."))

    found = update(settings)

    assert found.changed == ("site/blog/two.md",)
    assert "And more." in found.hidden[1].text


def test_a_post_whose_id_and_address_change_with_its_neighbours_is_known_by_the_new_ones(
    tmp_path: Path,
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "blog/trip/next.md", a_post(body="Another text."))
    first = [text.post for text in update(settings).hidden]
    (tmp_path / "site/blog/trip/next.md").unlink()

    later = [text.post for text in update(settings).hidden]

    assert "next" not in first
    assert later == ["next"]


def test_what_the_project_loses_the_stage_loses(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    for name in ("blog/old.md", "deep/er/a.txt", "deep/b.txt"):
        write(tmp_path, name, a_post(status="published"))
    (tmp_path / "site" / "empty").mkdir()
    update(settings)
    (tmp_path / "site/blog/old.md").unlink()
    (tmp_path / "site/deep/er/a.txt").unlink()
    (tmp_path / "site/deep/er").rmdir()
    (tmp_path / "site/deep/b.txt").rename(tmp_path / "site/b.txt")
    (tmp_path / "site/deep").rmdir()
    (tmp_path / "site/empty").rmdir()
    write(tmp_path, "deep", "a file now")

    found = update(settings)

    assert sorted(tree(found.root)) == ["b.txt", "blog", "deep"]
    assert found.changed == tuple(
        f"site/{name}" for name in ("b.txt", "blog/old.md", "deep", "deep/b.txt", "deep/er/a.txt")
    )


def test_a_file_can_become_a_folder(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "thing", "a file")
    update(settings)
    (tmp_path / "site/thing").unlink()
    write(tmp_path, "thing/inside.txt", "a folder")

    update(settings)

    assert staged(settings, "thing/inside.txt") == b"a folder"


def test_what_a_generator_keeps_in_the_stage_stays(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "about.md", "About.\n")
    kept = [
        update(settings).root / name
        for name in (".vitepress/dist/about.html", ".vitepress/cache/x", "resources/_gen/y")
    ]
    for file in kept:
        file.parent.mkdir(parents=True)
        file.write_text("made")
    write(tmp_path, "about.md", "About us.\n")

    update(settings)

    assert [file.read_text() for file in kept] == ["made"] * 3


def test_what_a_build_did_to_staged_files_is_undone(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "package-lock.json", "{}")
    write(tmp_path, "blog/next.md", a_post())
    found = update(settings)
    before = tree(found.folder)
    (found.root / "package-lock.json").write_text('{"other": 1}')
    (found.root / "blog/next.md").unlink()

    again = update(settings)

    assert tree(found.folder) == before
    assert again.changed == ()


def test_what_rehearsals_leave_out_is_left_out(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    for name in (".git/config", ".vitepress/cache/a", ".vitepress/dist/b.html", ".astro/c"):
        write(tmp_path, name, "no")
    write(tmp_path, ".vitepress/config.mts", "yes")
    write(tmp_path, "scratch/.publisher-rehearsal", "")
    write(tmp_path, "scratch/project/blog/next.md", a_post())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("no")

    found = update(settings)

    files = [name for name, what in tree(found.folder).items() if what != "folder"]
    assert sorted(files) == ["site/.vitepress/config.mts"]


def test_installed_packages_are_shared(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    for name in ("vue/index.js", ".bin/vite", ".cache/x"):
        write(tmp_path, f"node_modules/{name}", "")
    found = update(settings)
    modules = found.root / "node_modules"
    (modules / ".vite").mkdir()
    source = tmp_path / "site" / "node_modules"
    (source / "vue").rename(source / "react")

    update(settings)

    assert sorted(path.name for path in modules.iterdir()) == [".bin", ".vite", "react"]
    assert (modules / "react").readlink() == source / "react"
    assert not (modules / ".vite").is_symlink()


def test_links_lead_to_staged_files_and_never_to_unreleased_ones(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    site = tmp_path / "site"
    write(tmp_path, "about.md", "About.\n")
    write(tmp_path, "drafts.txt", "")
    write(tmp_path, "blog/next.md", a_post("embargo: omit", body="![x](/lathe.png)"))
    write(tmp_path, "public/lathe.png", an_image())
    (tmp_path / "elsewhere").mkdir()
    links = {
        "public/in": "../about.md",
        "public/out": str(tmp_path / "elsewhere"),
        "public/secret.md": "../blog/next.md",
        "public/picture": "lathe.png",
        "public/all": "../..",
        "public/own": "../../.publisher",
        "blog/linked.md": str(tmp_path / "elsewhere" / "x.md"),
    }
    for name, target in links.items():
        (site / name).symlink_to(target)

    found = update(settings)

    there = {name: what for name, what in tree(found.root).items() if name in links}
    assert there == {"public/in": "/about.md", "public/out": str(tmp_path / "elsewhere")}
    assert (found.root / "public/in").read_text() == "About.\n"


def test_a_link_in_the_stage_is_not_written_through(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "data/a.txt", "old")
    found = update(settings)
    outside = tmp_path / "outside"
    (found.root / "data").rename(outside)
    (found.root / "data").symlink_to(outside)
    write(tmp_path, "data/a.txt", "new")

    update(settings)

    assert (outside / "a.txt").read_text() == "old"
    assert staged(settings, "data/a.txt") == b"new"
    assert not (found.root / "data").is_symlink()


# --- what may be seen ----------------------------------------------------------------------------


def test_public_gives_the_sources_that_anybody_may_see(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="published", body=PUBLIC))
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, ".vitepress/theme/Layout.vue", "<p>A theme</p>")
    write(tmp_path, "data/large.json", '"' + "x" * 1_000_001 + '"')
    write(tmp_path, "public/film.mp4", "A film")

    found = update(settings)

    assert sorted(found.texts) == [
        "site/.vitepress/theme/Layout.vue",
        "site/blog/old.md",
    ]
    texts = public(found)
    assert PUBLIC in texts
    assert "A theme" in texts
    assert "lathe" not in texts


# --- what goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [b"", b"no database", None])
def test_a_manifest_that_cannot_be_read_begins_a_new_stage(
    tmp_path: Path, fault: bytes | None
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "about.md", "About.\n")
    fresh = tree(update(settings).folder)
    manifest = settings.state_dir / "stage" / "manifest.db"
    if fault is None:
        manifest.unlink()
    else:
        manifest.write_bytes(fault)
    write(settings.state_dir, "stage/project/site/stray.md", SECRET)
    stray = settings.state_dir / "stage/project/site/stray.md"
    stray.write_text(SECRET)

    found = update(settings)

    assert tree(found.folder) == fresh


def test_a_damaged_manifest_begins_a_new_stage(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    for number in range(200):
        write(tmp_path, f"blog/p{number}.md", a_post())
    fresh = tree(update(settings).folder)
    manifest = settings.state_dir / "stage" / "manifest.db"
    data = bytearray(manifest.read_bytes())
    data[8192:40_000] = b"\xff" * (40_000 - 8192)
    manifest.write_bytes(data)

    found = update(settings)

    assert tree(found.folder) == fresh


def test_another_site_root_begins_a_new_stage(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "about.md", "About.\n")
    update(settings)
    (tmp_path / "other").mkdir()
    moved = replace(settings, site=replace(settings.site, root=tmp_path / "other"))
    moved = replace(
        moved, rebuild=RebuildSettings(command=("make",), output=tmp_path / "other/dist")
    )

    found = update(moved)

    assert sorted(tree(found.folder)) == ["other"]


def test_changed_settings_of_the_site_are_facts_of_its_pages(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post("note: A long remark"))
    write(tmp_path, "about.md", "About.\n")
    update(settings)

    found = update(replace(settings, site=replace(settings.site, keep=("note",))))

    assert found.changed == ("site/blog/next.md",)
    assert b"A long remark" in (staged(settings, "blog/next.md") or b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "public/film.mp4", "A film").chmod(0)

    with pytest.raises(SiteError, match=r"site/public/film\.mp4: cannot be staged: permission"):
        update(settings)


def test_a_file_that_fails_is_not_in_the_stage(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    film = write(tmp_path, "public/film.mp4", "A film")
    post = write(tmp_path, "blog/old.md", a_post(status="published"))
    update(settings)
    film.write_text("Another film")
    post.write_text(a_post(status="published", body="Other text."))
    scan = Library(settings.site, settings.project).scan()
    post.write_text(a_post())

    with pytest.raises(PublisherError) as caught:
        Stage(settings).update(scan, now=NOW)

    assert caught.value.hint
    assert staged(settings, "blog/old.md") is None
    assert update(settings).hidden[0].post == "old"
    assert staged(settings, "public/film.mp4") == b"Another film"


def test_a_full_disk_is_an_error_and_the_next_update_completes(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "public/film.mp4", b"x" * 3_000_000)
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        f"{UPDATE}"
    )

    done = run(code, tmp_path)

    assert "site/public/film.mp4: cannot be staged: file too large" in done.stderr
    assert staged(settings, "public/film.mp4") is None
    assert not list(settings.state_dir.rglob("*.tmp"))
    update(settings)
    assert staged(settings, "public/film.mp4") == b"x" * 3_000_000


def test_names_that_are_no_text_are_staged_like_others(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    folder = os.fsencode(tmp_path / "site" / "public")
    write(tmp_path, "public/x", "")
    for name in (b"caf\xe9.txt", b"caf\xe9.png"):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"x")

    first, second = update(settings), update(settings)

    names = [os.fsencode(path.name) for path in (first.root / "public").iterdir()]
    assert sorted(names) == [b"caf\xe9.png", b"caf\xe9.txt", b"x"]
    assert second.changed == ()


# --- kills ---------------------------------------------------------------------------------------

UPDATE = """\
from pathlib import Path
from tests.embargo.staged_sites import a_site, update
from publisher.model.errors import PublisherError
try:
    update(a_site(Path(sys.argv[1])))
except PublisherError as error:
    sys.exit(str(error))
"""


def run(code: str, project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(project)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def a_busy_project(project: Path) -> Settings:
    settings = a_site(project)
    for number in range(6):
        write(project, f"blog/p{number}.md", a_post(body=f"{SECRET} ![x](/p{number}.png)"))
        write(project, f"blog/o{number}.md", a_post(status="published", body=PUBLIC))
        write(project, f"public/p{number}.png", an_image(size=(10 + number, 10)))
    write(project, "series.md", f'<PostPreview post="p1">\n\n{SECRET}\n\n</PostPreview>\n')
    write(project, "gone/a.txt", "a")
    write(project, "node_modules/vue/index.js", "")
    return settings


def turn_over(project: Path) -> None:
    """Change what every step of an update has to follow."""
    site = project / "site"
    write(project, "blog/p0.md", a_post(status="published", body="![x](/p0.png)"))
    write(project, "blog/o0.md", a_post(body=PUBLIC))
    write(project, "blog/o1.md", a_post("embargo: omit", body=PUBLIC))
    write(project, "blog/p2.md", a_post(body="Another text. ![x](/p3.png)"))
    write(project, "public/p1.png", an_image(size=(99, 9)))
    (site / "gone/a.txt").unlink()
    (site / "gone").rmdir()
    (site / "link").symlink_to("series.md")
    (site / "node_modules/vue").rename(site / "node_modules/react")


@pytest.mark.parametrize("is_first", [True, False], ids=["first update", "later update"])
def test_whatever_a_kill_leaves_the_next_update_makes_right(tmp_path: Path, is_first: bool) -> None:
    settings = a_busy_project(tmp_path / "project")
    if not is_first:
        update(settings)
        turn_over(tmp_path / "project")
    code = KILLED + UPDATE.replace("try:", "begin()\ntry:")
    kills = 0
    step = 1
    while True:
        argv = [sys.executable, "-c", code, str(settings.project), str(step)]
        done = subprocess.run(argv, cwd=Path(__file__).parents[2], check=False)
        if done.returncode != -signal.SIGKILL:
            break
        kills += 1
        step += 7
        copy = settings.state_dir / "stage" / "project"
        assert not is_first or not any(SECRET.encode() in data for data in files(copy).values())
    assert done.returncode == 0
    update(settings)

    fresh = replace(settings, state_dir=tmp_path / "fresh")
    expected = tree(update(fresh).folder)
    assert tree(settings.state_dir / "stage" / "project") == expected
    assert kills > 3
