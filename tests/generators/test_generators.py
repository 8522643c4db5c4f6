"""For each generator: init, embargo, a clean leak search, release, verified. The real thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from publisher import config
from tests.generators.workbench import SAMPLES, SENTENCE, Workbench, a_workbench, told
from tests.platforms.site import Site as WebServer

pytestmark = [pytest.mark.generators, pytest.mark.parametrize("name", SAMPLES)]


def test_init_knows_the_site(name: str, tmp_path: Path) -> None:
    bench = a_workbench(name, tmp_path / "site")

    bench.publisher("init", "--no-build")

    settings = config.load(bench.folder / "jobs.yaml", environ={})
    assert settings.site.generator.name == name
    assert settings.site.url == "https://workbench.example"
    assert settings.rebuild is not None
    assert settings.rebuild.command == bench.generator.command
    assert settings.rebuild.output == bench.output
    assert settings.verify.feed == bench.generator.feed
    assert settings.verify.sitemap == bench.generator.sitemap
    assert settings.embargo == "redact"


def test_the_site_is_in_order_and_its_posts_have_their_urls(name: str, tmp_path: Path) -> None:
    bench = a_workbench(name, tmp_path / "site")
    bench.publisher("init")

    said = bench.publisher("check")

    assert said == "no problems\n"
    assert "generator-judges-dates" not in said
    assert bench.generator.page in bench.publisher("calendar", "--json")


def test_a_post_goes_from_embargo_to_live(name: str, tmp_path: Path) -> None:
    bench = a_workbench(name, tmp_path / "site")
    with WebServer(bench.folder / bench.generator.output) as web:
        bench.publisher("init", "--no-build")
        bench.move_to(web.url)
        bench.publisher("adopt", "--yes", "--no-build")

        bench.publisher("tick")
        bench.publisher("embargo")

        assert "The Pattern" in bench.page()
        assert everything_told(bench) == {}
        assert_unlisted(bench)

        bench.publisher("release", "pattern", "--yes")

        assert SENTENCE in bench.page()
        assert_listed(bench)
        links = [entry["link"] for entry in bench.outbox]
        assert links == [web.url + bench.generator.page]

        bench.publisher("tick")

        assert [entry["link"] for entry in bench.outbox] == links


def everything_told(bench: Workbench) -> dict[str, list[str]]:
    """Give what each file of the output tells of the unreleased text."""
    found = {name: list(told(text)) for name, text in bench.files().items()}
    assert found, "nothing was built"
    return {name: words for name, words in found.items() if words}


def assert_unlisted(bench: Workbench) -> None:
    """Insist that no feed and no sitemap names the page."""
    generator = bench.generator
    feeds = bench.files(generator.feed.lstrip("/"))
    sitemaps = bench.files("sitemap*.xml*")
    assert feeds
    assert sitemaps
    assert [n for n, text in {**feeds, **sitemaps}.items() if generator.page in text] == []


def assert_listed(bench: Workbench) -> None:
    """Insist on the sentence in the feed, its words in all other lists, its URL in the sitemap."""
    generator = bench.generator
    (feed,) = bench.files(generator.feed.lstrip("/")).values()
    assert SENTENCE in feed
    for pattern in generator.lists:
        files = bench.files(pattern)
        assert files, pattern
        assert any(list(told(text)) for text in files.values()), pattern
    # An index of sitemaps names further ones.
    sitemaps = bench.files("sitemap*.xml").values()
    urls = [url for text in sitemaps for url in re.findall(r"<loc>([^<]+)</loc>", text)]
    assert any(url.endswith(generator.page) for url in urls), urls
