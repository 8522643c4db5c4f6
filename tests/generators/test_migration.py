"""Sites whose generator kept back by itself what is to come, before publisher came to do it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.system.clock import SystemClock
from tests.generators.test_dates import edit
from tests.generators.test_generators import everything_told
from tests.generators.workbench import SENTENCE, Workbench, a_workbench

pytestmark = pytest.mark.generators

FAR = "2099-03-10T09:00:00Z"
NEWS = "The annual fair of hinge makers moves into the harbour hall"
TICKS = 60  # until a date eight seconds ahead has surely come, however slow the machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """How the author of a site wrote what is to come: a post without a draft's mark, and a page."""

    generator: str
    mark: str
    date: str  # the line with the post's date; "" where its file's name has it
    stray: str


HUGO = Mine(
    generator="hugo",
    mark="draft = true\n",
    date=f"publishDate = {FAR}",
    stray="content/news/fair.md",
)
JEKYLL = Mine(
    generator="jekyll",
    mark="published: false\n",
    date="",
    stray="_tools/fair.md",
)
MINE = pytest.mark.parametrize("mine", [HUGO, JEKYLL], ids=["hugo", "jekyll"])


def a_site(mine: Mine, folder: Path) -> Workbench:
    bench = a_workbench(mine.generator, folder)
    edit(bench.post, mine.mark, "")
    page = bench.folder / mine.stray
    page.parent.mkdir(exist_ok=True)
    page.write_text(f"---\ntitle: The fair\ndate: {FAR}\n---\n\n{NEWS}.\n")
    bench.publisher("init", "--no-build")
    edit(bench.folder / "jobs.yaml", "live: true", "live: false")
    return bench


def everything_early(bench: Workbench) -> set[str]:
    """Give the files of the output that tell anything of what is to come."""
    news = {name for name, text in bench.files().items() if NEWS in text}
    return news | everything_told(bench).keys()


@MINE
def test_what_the_generator_kept_back_is_kept_back(mine: Mine, tmp_path: Path) -> None:
    bench = a_site(mine, tmp_path / "site")

    checked = bench.publisher("check", "--json")
    bench.publisher("adopt", "--yes", "--no-build")
    coming = json.loads(bench.publisher("calendar", "--json"))
    bench.publisher("tick")
    bench.publisher("embargo", "--build")

    # A folder named news is one of posts to `init`, where the generator does not name them itself.
    rule = "no-description" if mine.generator == "hugo" else "stray"
    assert [(p["rule"], p["path"]) for p in json.loads(checked)["problems"]] == [(rule, mine.stray)]
    assert "pattern" in json.dumps(coming)
    assert everything_early(bench) == set()
    assert bench.outbox == []


@MINE
def test_it_is_public_once_its_date_has_come(mine: Mine, tmp_path: Path) -> None:
    bench = a_site(mine, tmp_path / "site")
    bench.publisher("adopt", "--yes", "--no-build")
    bench.publisher("tick")
    soon = (SystemClock().now() + timedelta(seconds=8)).strftime("%Y-%m-%dT%H:%M:%SZ")
    edit(bench.folder / mine.stray, FAR, soon)
    if mine is JEKYLL:
        # In the very second of a post's date Jekyll takes the one of its name: the same day here.
        edit(bench.post, "title:", f"date: {soon}\ntitle:")
        bench.post.rename(bench.post.with_name(f"{soon[:10]}-hinges.md"))
    else:
        edit(bench.post, mine.date, mine.date.replace(FAR, soon))

    for _ in range(TICKS):
        bench.publisher("tick")
        if bench.outbox and everything_early(bench):
            break

    told = "\n".join(bench.files("**/*.html").values())
    assert [entry["title"] for entry in bench.outbox] == ["The Pattern"]
    assert SENTENCE in told
    assert NEWS in told


@MINE
def test_without_embargo_check_says_that_the_switch_makes_it_public(
    mine: Mine, tmp_path: Path
) -> None:
    bench = a_site(mine, tmp_path / "site")
    edit(bench.folder / "jobs.yaml", "embargo: redact", "embargo: off")

    said = bench.publisher("check")

    assert said.count("published-in-future") == 2


def test_hugo_hides_what_a_section_says_of_its_pages_and_check_names_it(tmp_path: Path) -> None:
    bench = a_workbench("hugo", tmp_path / "site")
    edit(bench.post, HUGO.mark, "")
    edit(bench.post, HUGO.date, "publishDate = 2026-02-01")
    (bench.post.parent / "_index.md").write_text("---\ntitle: P\ncascade: {draft: true}\n---\n")
    bench.publisher("init", "--no-build")
    bench.build()

    assert everything_told(bench) == {}  # nor is it anywhere when publisher builds it
    assert "inherited-state" in bench.publisher("check")


def test_jekyll_hides_what_its_defaults_say_and_check_names_it(tmp_path: Path) -> None:
    bench = a_workbench("jekyll", tmp_path / "site")
    edit(bench.post, JEKYLL.mark, "")
    edit(bench.folder / "_config.yml", "{layout: post}", "{layout: post, published: false}")
    bench.publisher("init", "--no-build")
    bench.build()

    assert everything_told(bench) == {}
    assert "inherited-state" in bench.publisher("check")
