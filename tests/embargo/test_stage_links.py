"""Links of public pages to posts that have no page: text in the stage, until the post is back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from publisher.embargo.stage import Stage
from publisher.model import Embargo, PostId
from publisher.posts.library import Library
from tests.embargo.staged_sites import PUBLIC, a_post, a_site, staged, update, write
from tests.factories import NOW

LINK = "Read [the next one](/blog/next)."
TEXT = "Read the next one."


def a_public(body: str) -> str:
    return a_post(status="published", body=body)


@pytest.mark.parametrize(
    "post",
    [a_post("embargo: omit"), a_post(status="draft"), a_post(status="schduled")],
    ids=["omitted", "draft", "broken"],
)
def test_a_link_to_a_post_without_a_page_is_its_text(tmp_path: Path, post: str) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "index.md", f"# Home\r\n\r\n{LINK}\r\n")
    old = write(tmp_path, "blog/old.md", b"\xef\xbb\xbf" + a_public(LINK).encode())
    source = old.read_bytes()
    write(tmp_path, "blog/next.md", post)

    update(settings)

    assert staged(settings, "blog/next.md") is None
    assert staged(settings, "index.md") == f"# Home\r\n\r\n{TEXT}\r\n".encode()
    assert staged(settings, "blog/old.md") == source.replace(LINK.encode(), TEXT.encode())
    assert old.read_bytes() == source


def test_a_link_to_a_page_outside_the_posts_that_says_draft_is_its_text(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "about.md", "---\nstatus: draft\n---\n\nNot yet.\n")
    write(tmp_path, "index.md", "[About](./about.md) and [about](/about#us)\n")

    update(settings)

    assert staged(settings, "index.md") == b"About and about\n"


@pytest.mark.parametrize("policy", [Embargo.REDACT, Embargo.TEASER])
def test_a_link_to_a_page_under_embargo_stays(tmp_path: Path, policy: Embargo) -> None:
    settings = a_site(tmp_path, embargo=policy)
    write(tmp_path, "blog/next.md", a_post())
    write(tmp_path, "index.md", LINK)

    update(settings)

    assert staged(settings, "index.md") == LINK.encode()


def test_the_link_is_back_with_the_release_and_goes_with_a_withdrawal(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OMIT)
    page = write(tmp_path, "index.md", LINK)
    write(tmp_path, "blog/next.md", a_post())
    update(settings)

    write(tmp_path, "blog/next.md", a_post(status="published"))
    released = update(settings)
    then, times = staged(settings, "index.md"), (released.folder / "site/index.md").stat()
    write(tmp_path, "blog/next.md", a_post(status="draft"))
    withdrawn = update(settings)

    assert then == LINK.encode()
    assert times.st_mtime_ns == page.stat().st_mtime_ns
    assert released.changed == ("site/blog/next.md", "site/index.md")
    assert staged(settings, "index.md") == TEXT.encode()
    assert withdrawn.changed == ("site/blog/next.md", "site/index.md")


def test_a_withdrawn_post_whose_word_is_that_of_a_coming_one_has_no_links(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "index.md", LINK)
    write(tmp_path, "blog/next.md", a_post())
    scan = Library(settings.site, settings.project).scan()

    Stage(settings).update(scan, gone={PostId("next")}, now=NOW)

    assert staged(settings, "index.md") == TEXT.encode()


def test_pages_without_such_links_are_left_alone(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OMIT)
    write(tmp_path, "blog/old.md", a_public(f"{PUBLIC} [Home](/) [itself](old.md)"))
    write(tmp_path, "index.md", "# Home\n\n[Old](/blog/old), [mail](mailto:me@example.org)\n")
    write(tmp_path, "blog/next.md", a_post())
    update(settings)
    write(tmp_path, "blog/more.md", a_post(status="draft"))

    assert update(settings).changed == ()
    assert update(settings).changed == ()


def test_code_and_what_is_no_page_keep_the_address(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OMIT)
    page = f"`{LINK}`\n\n    {LINK}\n\n```md\n{LINK}\n```\n\n<!-- {LINK} -->\n"
    script = 'export default {nav: [{link: "/blog/next"}], html: `<a href="/blog/next">x</a>`}'
    write(tmp_path, "index.md", page)
    write(tmp_path, "config.ts", script)
    write(tmp_path, "blog/next.md", a_post())

    update(settings)

    assert staged(settings, "index.md") == page.encode()
    assert staged(settings, "config.ts") == script.encode()


def test_a_page_with_preview_blocks_loses_such_links_as_well(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OMIT)
    block = '<PostPreview blurred post="next">\n\nA word of it.\n\n</PostPreview>\n'
    write(tmp_path, "series.md", f"{LINK}\n\n{block}")
    write(tmp_path, "blog/next.md", a_post())

    update(settings)
    page = staged(settings, "series.md")
    write(tmp_path, "blog/next.md", a_post(status="published"))
    block = block.replace("blurred", "revealed")
    write(tmp_path, "series.md", f"{LINK}\n\n{block}")
    update(settings)

    assert page == f'{TEXT}\n\n<PostPreview blurred post="next">\n</PostPreview>\n'.encode()
    assert staged(settings, "series.md") == f"{LINK}\n\n{block}".encode()


def test_a_teaser_keeps_only_links_that_lead_somewhere(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.TEASER)
    teaser = "teaser: Before it came [the next one](next.md), long after [the old one](old.md)."
    write(tmp_path, "blog/last.md", a_post(teaser))
    write(tmp_path, "blog/old.md", a_public(PUBLIC))
    write(tmp_path, "blog/next.md", a_post(status="draft"))

    update(settings)
    before = staged(settings, "blog/last.md")
    write(tmp_path, "blog/next.md", a_public(PUBLIC))
    update(settings)
    after = staged(settings, "blog/last.md")

    assert before is not None
    assert after is not None
    assert b"\nBefore it came the next one, long after [the old one](old.md).\n" in before
    assert b"\nBefore it came [the next one](next.md), long after [the old one](old.md)" in after


def test_links_are_read_again_when_the_site_moves_below_a_path(tmp_path: Path) -> None:
    settings = a_site(tmp_path, embargo=Embargo.OMIT)
    write(tmp_path, "index.md", "[next](/docs/blog/next)\n")
    write(tmp_path, "blog/next.md", a_post())
    update(settings)
    before = staged(settings, "index.md")

    update(replace(settings, site=replace(settings.site, url="https://example.org/docs")))

    assert before == b"[next](/docs/blog/next)\n"
    assert staged(settings, "index.md") == b"next\n"


def test_a_link_to_a_page_beside_a_broken_file_of_its_name_stays(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/next/index.md", a_post(status="schduled"))
    write(tmp_path, "blog/next.md", a_public(PUBLIC))
    write(tmp_path, "index.md", LINK)

    update(settings)

    assert staged(settings, "index.md") == LINK.encode()


@pytest.mark.parametrize("twin", ["next.md", "next/index.md"])
def test_a_link_to_a_page_whose_address_an_omitted_post_has_too_stays(
    tmp_path: Path, twin: str
) -> None:
    settings = a_site(tmp_path, post_url="/{slug}")
    write(tmp_path, "blog/next.md", a_post(status="draft"))
    write(tmp_path, twin, f"# About us\n\n{PUBLIC}\n")
    write(tmp_path, "index.md", "Read [the next one](/next).")

    update(settings)

    assert staged(settings, "index.md") == b"Read [the next one](/next)."


def test_a_public_page_in_error_loses_such_links_too(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/old.md", a_post(status="publishd", body=LINK))
    write(tmp_path, "blog/next.md", a_public(PUBLIC))
    update(settings)
    write(tmp_path, "blog/next.md", a_post(status="draft"))

    first, second = update(settings), update(settings)

    assert staged(settings, "blog/old.md") == a_post(status="publishd", body=TEXT).encode()
    assert first.changed == ("site/blog/next.md", "site/blog/old.md")
    assert second.changed == ()
