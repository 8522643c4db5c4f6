"""What a build passes on its way to the public, from the stage to the output folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from publisher.config.settings import Settings
from publisher.embargo.gate import publish_if_clean
from publisher.embargo.redirects import NOINDEX
from publisher.model.errors import SiteError
from tests.embargo.staged_sites import SECRET, a_post, a_site, update, write

ABOUT = "<html><head></head><body><h1>About us</h1>We build drawers.</body></html>"
LONG = " ".join(
    f"Of the {tool} we know what became of it, and who had it after the fire in the mill."
    for tool in ("drawer", "saw", "plane", "chisel", "mallet", "vice", "clamp", "square", "awl")
)


def build(
    settings: Settings, pages: dict[str, str], *, staged: dict[str, str] | None = None
) -> Path:
    """Stage, write what a generator would, there and into its sources; give the output."""
    stage = update(settings)
    for folder, files in ((stage.output, pages), (stage.root, staged or {})):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    assert settings.rebuild is not None
    output = settings.rebuild.output
    record = settings.state_dir / "mirrored.json"
    publish_if_clean(stage, output, record=record, site_url=settings.site.url, redirects={})
    return output


@pytest.mark.parametrize("status", ["draft", "scheduled"])
def test_a_public_page_at_the_address_of_an_unreleased_post_stays_as_it_is(
    tmp_path: Path, status: str
) -> None:
    settings = a_site(tmp_path, post_url="/{slug}")
    write(tmp_path, "about.md", "# About us\n\nWe build drawers.\n")
    write(tmp_path, "blog/about.md", a_post(status=status, body="Another text, some day."))
    sitemap = "<urlset><url><loc>https://example.org/about</loc></url></urlset>"

    output = build(settings, {"about.html": ABOUT, "sitemap.xml": sitemap})

    assert (output / "about.html").read_text() == ABOUT
    assert (output / "sitemap.xml").read_text() == sitemap


def test_the_page_of_a_scheduled_post_is_sealed_though_a_public_file_has_its_address(
    tmp_path: Path,
) -> None:
    settings = a_site(tmp_path, post_url="/{slug}")
    write(tmp_path, "about.md", "# About us\n\nWe build drawers.\n")
    write(tmp_path, "blog/about.md", a_post(body="Another text, some day."))

    output = build(settings, {"about.html": "<html><head><title>A title | Site</title></head>"})

    assert NOINDEX in (output / "about.html").read_text()


def test_the_page_of_a_post_that_is_withdrawn_goes(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/one.md", a_post(status="published"))
    output = build(settings, {"blog/one.html": "<p>One.", "index.html": "<p>Home."})
    before = (output / "blog/one.html").is_file()
    write(tmp_path, "blog/one.md", a_post(status="draft"))

    build(settings, {"index.html": "<p>Home."})

    assert before
    assert not (output / "blog/one.html").exists()
    assert (output / "index.html").is_file()


def test_what_the_build_writes_into_its_sources_makes_nothing_public(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/two.md", a_post(body=f"{SECRET} {LONG}"))
    write(tmp_path, "public/search.json", "[]")
    index = json.dumps([{"url": "/blog/two", "excerpt": SECRET}])

    with pytest.raises(SiteError, match=r"search\.json: shows text of two"):
        build(settings, {"search.json": index}, staged={"public/search.json": index})


def test_what_the_sources_say_is_public_though_the_build_writes_another_file(
    tmp_path: Path,
) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "blog/two.md", a_post(body=f"{SECRET} {LONG}"))
    write(tmp_path, "quote.md", f"As they say: {SECRET}\n")
    write(tmp_path, "package-lock.json", "{}")

    output = build(settings, {"quote.html": f"<p>{SECRET}"}, staged={"package-lock.json": "{ }"})

    assert SECRET in (output / "quote.html").read_text()
