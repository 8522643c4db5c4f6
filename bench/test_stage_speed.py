"""What an update of the stage costs, beside a plain walk and the first one (`make bench`)."""

from __future__ import annotations

import os
from itertools import count

import pytest

from publisher.config.settings import Settings
from publisher.embargo.stage import Stage
from publisher.posts.library import Library, Scan
from tests.embargo.staged_sites import a_post, a_site, an_image, write
from tests.factories import NOW

POSTS = 10_000
PARAGRAPH = "Somebody had left a plane on the bench, and the shavings were still warm. " * 12


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Library]:
    settings = a_site(tmp_path_factory.mktemp("site"))
    image = an_image()
    for number in range(POSTS):
        status = "scheduled" if number % 2 else "published"
        body = f"{PARAGRAPH}\n\n![A plane](/images/p{number}.png)\n\n{PARAGRAPH}"
        write(
            settings.project, f"blog/{number % 50}/p{number}.md", a_post(status=status, body=body)
        )
        write(settings.project, f"public/images/p{number}.png", image)
    block = '<PostPreview post="p1">\n\nText\n\n</PostPreview>\n'
    write(settings.project, "series.md", block)
    return settings, Library(settings.site, settings.project)


def edit(settings: Settings, library: Library, number: int) -> Scan:
    text = a_post(body=f"{PARAGRAPH}\n\nEdited {'again and ' * number}again.")
    write(settings.project, "blog/1/p1.md", text)
    return library.scan()


@pytest.mark.benchmark(group=f"stage of {POSTS:,} posts, half of them unreleased")
def test_first_update(benchmark, site: tuple[Settings, Library]) -> None:
    settings, library = site
    scan = library.scan()

    def begin_anew() -> None:
        (settings.state_dir / "stage" / "manifest.db").unlink(missing_ok=True)

    benchmark.pedantic(lambda: Stage(settings).update(scan, now=NOW), setup=begin_anew, rounds=1)


@pytest.mark.benchmark(group=f"stage of {POSTS:,} posts, half of them unreleased")
def test_update_after_one_edit(benchmark, site: tuple[Settings, Library]) -> None:
    settings, library = site
    Stage(settings).update(library.scan(), now=NOW)
    numbers = count()

    def prepare() -> tuple[tuple[Scan], dict[str, object]]:
        return (edit(settings, library, next(numbers)),), {"now": NOW}

    benchmark.pedantic(Stage(settings).update, setup=prepare, rounds=5)


@pytest.mark.benchmark(group=f"stage of {POSTS:,} posts, half of them unreleased")
def test_walk(benchmark, site: tuple[Settings, Library]) -> None:
    settings, _ = site

    def walk() -> int:
        return sum(
            os.stat(f"{folder}/{name}").st_size  # noqa: PTH116 - as fast as it goes
            for folder, _, names in os.walk(settings.site.root)
            for name in names
        )

    benchmark(walk)
