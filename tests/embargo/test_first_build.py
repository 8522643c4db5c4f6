"""The first build of a site, compared with what is public already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from publisher.config.settings import Settings, VerifySettings
from publisher.embargo.first_build import (
    accept_vanishing,
    read_vanishing,
    refuse_vanishing,
    vanishing,
)
from publisher.embargo.sync import write_names
from publisher.model.errors import VanishingError
from tests.embargo.staged_sites import a_site
from tests.platforms.site import Site

QUIET, LIVE = VerifySettings(live=False), VerifySettings(live=True)


def a_folder(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("<p>Text.</p>")
    return folder


def a_blog(project: Path, *public: str) -> tuple[Settings, Path]:
    """Give a site with an output that was built without publisher, and a first build of it."""
    settings = replace(a_site(project), verify=QUIET)
    assert settings.rebuild is not None
    a_folder(settings.rebuild.output, *public)
    return settings, a_folder(project / "built", "index.html", "a.html", "b/index.html")


def refused(settings: Settings, built: Path) -> tuple[str, ...]:
    try:
        refuse_vanishing(settings, built)
    except VanishingError as error:
        return error.pages
    return ()


def test_the_pages_of_an_output_that_a_build_lacks_are_named_by_their_addresses(
    tmp_path: Path,
) -> None:
    public = a_folder(
        tmp_path / "public",
        *(
            "index.html",
            "a.html",
            "b/index.html",
            "c.html",
            "d/index.html",
            "e.htm",
            "caf\xe9.html",
        ),
        *("404.html", "style.css", "feed.xml"),
    )
    built = a_folder(tmp_path / "built", "a/index.html", "b.html")

    assert vanishing(built, public) == ("/", "/c", "/caf\xe9", "/d/", "/e.htm")
    assert vanishing(public, public) == ()


def test_a_first_build_without_a_public_page_is_refused_until_a_person_accepts_that(
    tmp_path: Path,
) -> None:
    settings, built = a_blog(tmp_path, "a.html", "old.html")

    first, again = refused(settings, built), refused(settings, built)
    noted = read_vanishing(settings.state_dir)
    accept_vanishing(settings.state_dir, noted.pages)
    accepted = refused(settings, built)
    a_folder(tmp_path / "site/.vitepress/dist", "another.html")

    assert first == again == noted.pages == ("/old",)
    assert (noted.is_accepted, accepted) == (False, ())
    assert refused(settings, built) == ("/another", "/old")


def test_later_builds_may_leave_pages_out(tmp_path: Path) -> None:
    settings, built = a_blog(tmp_path, "a.html", "old.html")
    assert settings.rebuild is not None
    record = settings.state_dir / "stage" / "mirrored.json"
    write_names(record, settings.rebuild.output, ["a.html", "old.html"])

    assert refused(settings, built) == ()


def test_without_an_output_the_live_sitemap_tells_what_is_public(tmp_path: Path) -> None:
    with Site(a_folder(tmp_path / "host")) as host:
        settings, built = a_blog(tmp_path)
        settings = replace(settings, site=replace(settings.site, url=host.url))
        paths = ("/", "/a", "/b/", "/blog/old.html", "/caf%C3%A9/")
        part = "".join(f"<url><loc>{host.url}{path}</loc></url>" for path in paths)
        (host.folder / "part.xml").write_text(f"<urlset>{part}</urlset>")
        (host.folder / "sitemap.xml").write_text(
            f"<sitemapindex><sitemap><loc>{host.url}/part.xml</loc></sitemap></sitemapindex>"
        )

        quiet = refused(settings, built)
        live = refused(replace(settings, verify=LIVE), built)

    assert quiet == ()
    assert live == ("/blog/old.html", "/caf\xe9/")


@pytest.mark.parametrize("status", [404, 500])
def test_a_site_without_a_sitemap_tells_nothing(tmp_path: Path, status: int) -> None:
    with Site(a_folder(tmp_path / "host")) as host:
        host.next(status)
        settings, built = a_blog(tmp_path)
        site = replace(settings.site, url=host.url)

        assert refused(replace(settings, site=site, verify=LIVE), built) == ()
