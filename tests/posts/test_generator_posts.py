"""Posts as each generator words them: its states, its dates, its slugs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.posts.sites import a_library, a_text, rules, the_post, write


@pytest.mark.parametrize(
    ("generator", "lines", "state", "is_explicit"),
    [
        ("mkdocs", "draft: true\ndate: 2027-03-09", "scheduled", False),
        ("mkdocs", "draft: true\ndate:\n  created: 2027-03-09", "scheduled", False),
        ("mkdocs", "date: 2027-03-09", "published", False),
        ("pelican", "status: draft\ndate: 2027-03-09 09:00", "scheduled", False),
        ("pelican", "status: draft", "draft", True),
        ("pelican", "status: skip\ndate: 2027-03-09", "draft", True),
        ("pelican", "status: hidden\ndate: 2027-03-09", "published", True),
        ("nikola", "status: draft\ndate: 2027-03-09 09:00:00", "scheduled", False),
        ("nikola", "status: private\ndate: 2027-03-09", "published", True),
        ("nikola", "status: featured\ndate: 2027-03-09", "published", True),
        ("nikola", "date: 2027-03-09", "published", False),
    ],
)
def test_a_generators_words_say_the_state(
    generator: str, lines: str, state: str, is_explicit: bool, tmp_path: Path
) -> None:
    library = a_library(tmp_path, generator=generator)
    write(tmp_path, "blog/one.md", f"---\ntitle: One\ndescription: Of one.\n{lines}\n---\nText.\n")

    (post,) = library.scan().posts

    assert (post.state, post.explicit) == (state, is_explicit)


def test_mkdocs_keeps_the_day_of_a_post_in_date_created(tmp_path: Path) -> None:
    library = a_library(tmp_path, generator="mkdocs")
    date = "date:\n  created: 2027-03-09\n  updated: 2027-04-01"
    write(tmp_path, "blog/one.md", f"---\ntitle: One\ndescription: Of one.\n{date}\n---\nText.\n")

    post = the_post(library.scan())

    assert post.release_at is not None
    assert post.release_at.isoformat() == "2027-03-09T08:00:00+00:00"


def test_a_date_of_another_generator_is_no_list_of_dates(tmp_path: Path) -> None:
    library = a_library(tmp_path, generator="jekyll")
    write(tmp_path, "blog/one.md", "---\ntitle: One\ndate: {created: 2027-03-09}\n---\nText.\n")

    assert ("bad-date", "content/blog/one.md", 3) in rules(library.scan().problems)


@pytest.mark.parametrize(
    ("generator", "title", "slug"),
    [
        ("mkdocs", "The Pattern", "the-pattern"),
        ("mkdocs", "Cut & dried", "cut--dried"),
        ("pelican", "Cut & dried", "cut-dried"),
        ("pelican", "What's a “dovetail”?", "whats-a-dovetail"),
        ("nikola", "The Pattern", "one"),
        ("hugo", "The Pattern", "one"),
    ],
)
def test_some_generators_make_the_slug_of_the_title(
    generator: str, title: str, slug: str, tmp_path: Path
) -> None:
    library = a_library(tmp_path, generator=generator)
    text = f"---\ntitle: {title}\ndescription: Of one.\nreveal: 2027-03-09\n---\nText.\n"
    write(tmp_path, "blog/one.md", text)

    assert the_post(library.scan()).slug == slug


@pytest.mark.parametrize(
    ("generator", "name", "path"),
    [
        ("vitepress", "v2.0-Released_now", "/blog/v2.0-Released_now"),
        ("hugo", "Über uns", "/blog/%C3%BCber-uns/"),
        ("hugo", "v1.2-released", "/blog/v1.2-released/"),
        ("astro", "v1.2 Released", "/blog/v12-released/"),
        ("eleventy", "你好-世界", "/blog/%E4%BD%A0%E5%A5%BD-%E4%B8%96%E7%95%8C/"),
        ("jekyll", "2027-03-09-What's new", "/2027/03/09/What%27s-new.html"),
        ("nikola", "Über uns", "/posts/uber-uns/"),
        ("vitepress", "2027/door", "/blog/2027/door"),
        ("hugo", "door/index", "/blog/door/"),
        ("astro", "en/door/index", "/blog/en/door/"),
    ],
)
def test_address_is_guessed_from_any_file_name(
    generator: str, name: str, path: str, tmp_path: Path
) -> None:
    library = a_library(tmp_path, generator=generator, post_url=None)
    text = "---\ntitle: One\ndescription: Of one.\nreveal: 2027-03-09\n---\nText.\n"
    write(tmp_path, f"blog/{name}.md", text)

    assert the_post(library.scan()).url == f"https://example.org{path}"


@pytest.mark.parametrize("generator", ["mkdocs", "vitepress", "hugo"])
def test_title_that_is_missing_is_the_first_heading(generator: str, tmp_path: Path) -> None:
    library = a_library(tmp_path, generator=generator)
    text = "---\ndescription: Of one.\nreveal: 2027-03-09\n---\n\n# Hello launch\n\nText.\n"
    write(tmp_path, "blog/one.md", text)

    assert the_post(library.scan()).title == "Hello launch"


def test_a_slug_of_its_own_comes_before_the_title(tmp_path: Path) -> None:
    library = a_library(tmp_path, generator="pelican")
    text = "---\ntitle: One\nslug: another\ndescription: Of one.\nreveal: 2027-03-09\n---\nText.\n"
    write(tmp_path, "blog/one.md", text)

    assert the_post(library.scan()).slug == "another"


def test_pelican_reads_a_date_off_the_files_name(tmp_path: Path) -> None:
    library = a_library(tmp_path, generator="pelican")
    text = "---\ntitle: One\ndescription: Of one.\nstatus: draft\n---\nText.\n"
    write(tmp_path, "blog/2027-03-09-one.md", text)

    assert the_post(library.scan()).state == "scheduled"


@pytest.mark.parametrize(
    ("generator", "line"),
    [("pelican", "Status: draft"), ("hugo", "Draft: true"), ("hugo", "publishdate: 2027-03-09")],
)
def test_a_key_that_only_the_generator_reads_in_any_case_is_an_error(
    generator: str, line: str, tmp_path: Path
) -> None:
    library = a_library(tmp_path, generator=generator)
    write(tmp_path, "blog/one.md", f"---\ntitle: One\n{line}\n---\nText.\n")

    scan = library.scan()

    assert scan.posts == ()
    assert ("key-case", "content/blog/one.md", 3) in rules(scan.problems)


def test_a_key_in_another_case_means_nothing_to_other_generators(tmp_path: Path) -> None:
    library = a_library(tmp_path, generator="jekyll")
    text = (
        "---\ntitle: One\ndescription: Of one.\nDate: 2027-03-09\nreveal: 2027-03-10\n---\nText.\n"
    )
    write(tmp_path, "blog/one.md", text)

    the_post(library.scan())


def test_hugo_reads_any_case_of_a_key_and_so_do_we(tmp_path: Path) -> None:
    head = "Title: The Jig\nDescription: About it\nSlug: the-jig\nTags: [a]\nThumbnail: /t.png"
    write(tmp_path, "blog/jig.md", f"---\n{head}\npublishDate: 2027-03-09\n---\n\nText.\n")

    (post,) = a_library(tmp_path, generator="hugo").scan().posts

    assert (post.title, post.description, post.slug, post.tags) == (
        *("The Jig", "About it", "the-jig"),
        ("a",),
    )


def test_a_generator_that_reads_one_case_has_no_title_in_another(tmp_path: Path) -> None:
    write(tmp_path, "blog/jig.md", "---\nTitle: The Jig\ndate: 2027-03-09\n---\n\nText.\n")

    (post,) = a_library(tmp_path, generator="vitepress").scan().posts

    assert (post.title, post.has_title) == ("Jig", False)


def test_a_slug_may_be_written_with_slashes_around_it(tmp_path: Path) -> None:
    write(tmp_path, "blog/jig.md", a_text("slug: /the-jig/", "date: 2027-03-09"))

    assert the_post(a_library(tmp_path).scan()).slug == "the-jig"
