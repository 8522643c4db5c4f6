"""A blog in the form of the seeds, played through its three dates.

Its author never writes a state: there are dates only. Each post wraps its own text in a preview
block, and the first page of the series announces the posts in blocks of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher import config
from publisher.engine.assemble import open_engine
from publisher.engine.tick import Engine, Tick
from publisher.system.clock import VirtualClock
from tests.acceptance.sites import Site, a_site

# As VitePress does: a page of every file, whatever its frontmatter says, tags of components left.
GENERATOR = """\
import html, pathlib, re
out = pathlib.Path("dist")
(out / "blog").mkdir(parents=True, exist_ok=True)
for path in pathlib.Path("blog").glob("*.md"):
    head, body = re.match(r"(?s)---\\n(.*?)\\n---\\n(.*)", path.read_text()).groups()
    title = html.escape(re.search("title: (.*)", head)[1])
    body = re.sub(r"\\[(.*?)\\]\\(.*?\\)", r"\\1", body)
    robots = '<meta name="robots" content="noindex">' if "noindex" in head else ""
    page = f"<html><head><title>{title}</title>{robots}</head><body><h1>{title}</h1>{body}"
    (out / "blog" / f"{path.stem}.html").write_text(page + "</body></html>")
"""
LANDING_HEAD = """\
---
title: The Boathouse Chronicles
description: A three-part series about a boathouse.
date: 2020-11-02
readingTime: 4
---

<BlogHeading />

## The series

**All three posts are bookmarkable now.**
"""


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    name: str
    date: str
    stamp: str
    secret: str  # stands in the post
    hint: str  # stands in its block on the first page

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(f"{self.date}T08:00:00").replace(tzinfo=UTC)  # 09:00 in Oslo

    @property
    def title(self) -> str:
        return f"The {self.name.title()}"

    @property
    def on_landing_page(self) -> str:
        return f"""
---

### Part {self.number}: {self.title}

**[Read part {self.number}](/blog/the-{self.name})**

<PostPreview blurred>
  <template #stamp>
    <RevealStamp date="{self.stamp}" relative />
  </template>

  **What it is about**

  {self.hint}

  - one thing
  - another thing
</PostPreview>
"""

    @property
    def post(self) -> str:
        before = "" if self.number == 1 else ", after [part 1](/blog/the-kettle)"
        return f"""\
---
title: {self.title}
description: About the {self.name}.
date: {self.date}
---

Part {self.number} of [the chronicles](/blog/chronicles){before}.

<PostPreview blurred>
  <template #stamp>
    <RevealStamp date="{self.stamp}" relative />
  </template>

In the beginning nobody in the village had ever heard of it.

## What came of it

{self.secret}

</PostPreview>
"""


PARTS = (
    Part(
        1,
        "kettle",
        "2099-11-03",
        "Tuesday, November 3rd",
        "Whoever polishes it on Sundays hears the lid hum long before the water does.",
        "Why does a lid remember every Sunday that it was ever polished on?",
    ),
    Part(
        2,
        "lantern",
        "2099-11-10",
        "Tuesday, November 10th",
        "Seven lanterns hang behind the door, and only the smallest was lit by a stranger.",
        "How many lanterns does it take until a stranger dares to light one?",
    ),
    Part(
        3,
        "ferry",
        "2099-11-24",
        "Tuesday, November 24th",
        "The ferryman counts his passengers twice, and both times he forgets himself.",
        "Who is it that a ferryman forgets whenever he counts the people aboard?",
    ),
)


def a_blog(folder: Path) -> Site:
    site = a_site(folder, channels="  x: {type: outbox, shape: x}\n", more="embargo: redact\n")
    (folder / "content" / "generate.py").write_text(GENERATOR)
    blog = folder / "content" / "blog"
    landing = LANDING_HEAD + "".join(part.on_landing_page for part in PARTS)
    (blog / "chronicles.md").write_text(landing)
    for part in PARTS:
        (blog / f"the-{part.name}.md").write_text(part.post)
    return site


@contextmanager
def an_engine(site: Site, clock: VirtualClock) -> Iterator[Engine]:
    environ = site.all_environ()
    settings = config.load(site.folder / "jobs.yaml", environ=environ)
    with open_engine(settings, environ=environ, clock=clock, report=lambda event: None) as engine:
        yield engine


def shown(site: Site) -> set[str]:
    """Give which texts anybody may read, with the page that shows them."""
    found = set()
    for part in PARTS:
        for text in (part.secret, part.hint):
            for page in (site.folder / "content" / "dist").rglob("*.html"):
                if text in page.read_text():
                    found.add(f"{page.stem}: {text}")
    return found


def revealed(site: Site, text: str) -> str:
    """Give a file as the release of its block makes it."""
    stamp = r"<PostPreview blurred>\n  <template #stamp>\n.*?</template>\n"
    return re.sub(stamp, "<PostPreview revealed>\n", text, count=1, flags=re.DOTALL)


def file(site: Site, name: str) -> str:
    return (site.folder / "content" / "blog" / f"{name}.md").read_text()


def links(site: Site) -> list[str]:
    return sorted(entry["link"] for entry in site.outbox)


def tick_at(engine: Engine, clock: VirtualClock, at: datetime) -> Tick:
    clock.advance_to(at)
    return engine.tick()


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = a_blog(tmp_path_factory.mktemp("chronicles"))
    site.run("adopt", "--yes", "--no-build")
    return site


def test_check_has_nothing_to_say_of_it(adopted: Site) -> None:
    assert adopted.run("check", "--json").json()["problems"] == []


def test_the_calendar_has_its_three_dates(adopted: Site) -> None:
    entries = adopted.run("calendar", "--json").json()["entries"]
    releases = [(e["post"], e["at"]) for e in entries if e["action"] == "release"]

    assert releases == [(f"the-{part.name}", f"{part.date}T08:00:00Z") for part in PARTS]


def test_each_post_comes_out_on_its_day_with_its_block_and_is_announced_once(
    tmp_path: Path,
) -> None:
    site = a_blog(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    files = {name.stem: name.read_text() for name in (tmp_path / "content/blog").glob("*.md")}
    clock, expected = VirtualClock(PARTS[0].at - timedelta(days=1)), set[str]()

    with an_engine(site, clock) as engine:
        engine.tick()
        before = (shown(site), links(site))
        for part in PARTS:
            tick_at(engine, clock, part.at - timedelta(seconds=1))
            early = (shown(site), len(links(site)))
            done = tick_at(engine, clock, part.at)
            tick_at(engine, clock, part.at + timedelta(hours=1))

            name = f"the-{part.name}"
            assert early == (expected, part.number - 1)
            assert not [hold for hold in done.plan.holds if hold.needs_person]
            expected |= {f"{name}: {part.secret}", f"chronicles: {part.hint}"}
            assert shown(site) == expected
            assert file(site, name) == revealed(site, files[name])
            files["chronicles"] = revealed(site, files["chronicles"])
            assert file(site, "chronicles") == files["chronicles"]
            assert f"https://site.example/blog/{name}" in links(site)
            assert len(links(site)) == part.number

    assert before == (set(), [])
    assert "blurred" not in file(site, "chronicles")
    states = site.run("status", "--json", code=0).json()["releases"]
    assert {row["post"]: row["state"] for row in states} == {
        "chronicles": "baseline",
        **{f"the-{part.name}": "live" for part in PARTS},
    }


def test_under_embargo_the_pages_are_there_with_filler_and_their_stamps(tmp_path: Path) -> None:
    site = a_blog(tmp_path)
    site.run("adopt", "--yes", "--no-build")

    site.run("tick")

    dist = tmp_path / "content" / "dist" / "blog"
    assert sorted(page.stem for page in dist.iterdir()) == [
        "chronicles",
        *sorted(f"the-{part.name}" for part in PARTS),
    ]
    landing = (dist / "chronicles.html").read_text()
    assert landing.count("<PostPreview blurred>") == 3
    assert all(f'<RevealStamp date="{part.stamp}" relative />' in landing for part in PARTS)
    assert "All three posts are bookmarkable now." in landing
    assert shown(site) == set()
    assert json.loads(site.run("status", "--json").out)["waiting"] == []
