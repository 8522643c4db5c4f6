"""The real program and a host that delays, fails and serves what is old; then the new page.

Nothing is announced before the live site is right in every respect, and then once.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.programs import World, a_world, names
from tests.platforms.alerts import AlertPlatform
from tests.platforms.site import Answer

PAGE, CARD, FEED, INDEX = "/blog/pattern", "/images/pattern.png", "/feed.xml", "/"
CACHED = {"Age": "312", "CF-Cache-Status": "HIT"}

# Pages, cards, feed and index as a theme makes them; the card is drawn from what may be seen.
GENERATOR = """\
import json, pathlib, re, shutil

url = json.loads(pathlib.Path("../jobs.yaml").read_text())["site"]["url"]
out = pathlib.Path("dist")
shutil.rmtree(out, ignore_errors=True)
(out / "blog").mkdir(parents=True)
(out / "images").mkdir()
released = []
for path in sorted(pathlib.Path("blog").glob("*.md")):
    head, _, body = path.read_text().removeprefix("---\\n").partition("\\n---\\n")
    title = re.search("title: (.*)", head)[1]
    is_out = "status: published" in head
    address = f"{url}/blog/{path.stem}"
    tags = f'<link rel="canonical" href="{address}"><meta property="og:title" content="{title}">'
    tags += f'<meta property="og:image" content="{url}/images/{path.stem}.png">'
    robots = "" if is_out else '<meta name="robots" content="noindex">'
    text = "".join("<p>" + part + "</p>" for part in body.strip().split("\\n\\n")) if is_out else ""
    (out / "blog" / (path.stem + ".html")).write_text(f"{tags}{robots}<h1>{title}</h1>{text}")
    card = (b"the card of " if is_out else b"a coming post: ") + title.encode()
    (out / "images" / (path.stem + ".png")).write_bytes(b"\\x89PNG" + card)
    released += [address] * is_out
items = "".join(f"<item><link>{each}</link></item>" for each in released)
(out / "feed.xml").write_text(f"<rss><channel>{items}</channel></rss>")
links = "".join(f'<a href="{each}">read</a>' for each in released)
(out / "index.html").write_text(f"<h1>Home</h1>{links}")
"""


@contextmanager
def a_cached_world(folder: Path, **verify: object) -> Iterator[tuple[World, Path]]:
    """Make a site with a post that is due, and a copy of what was live before its release."""
    with a_world(folder, "hook") as world:
        content = folder / "content"
        (content / "generate.py").write_text(GENERATOR)
        tell(world, verify={"feed": FEED, "index": INDEX, **verify})
        world.write("pattern")
        subprocess.run([sys.executable, "generate.py"], cwd=content, check=True)
        shutil.copytree(content / "dist", folder / "before")
        yield world, folder / "before"


def tell(world: World, **keys: object) -> None:
    jobs = world.site.folder / "jobs.yaml"
    jobs.write_text(json.dumps({**json.loads(jobs.read_text()), **keys}))


def why(world: World) -> str:
    return " ".join(world.site.run("why", "pattern", code=None).out.split())


def look_again(world: World) -> str:
    """Let the program look once more, and give what it says then."""
    world.site.run("retry", "pattern", "--yes", code=None)
    assert world.posts("hook") == []
    assert world.sends("hook") == 0
    return why(world)


def test_announcement_comes_only_after_everything_live_is_new(tmp_path: Path) -> None:
    with AlertPlatform() as alerts, a_cached_world(tmp_path, timeout="1s") as (world, before):
        tell(world, alerts=[alerts.address])
        web, url = world.web, world.web.url

        web.next(delay_s=30)
        world.site.run("tick", code=None)
        assert f"{url}{PAGE} did not answer within " in why(world)
        assert (world.posts("hook"), world.sends("hook")) == ([], 0)

        web.cached[PAGE] = Answer(status=503)
        assert f"{url}{PAGE} answered 503" in look_again(world)

        web.cached[PAGE] = Answer(folder=before, headers=CACHED)
        reason = look_again(world)
        assert "shows the page without its text (0 of 2 excerpts found)" in reason
        assert "a cache answered with a page 312 s old (CF-Cache-Status: HIT)" in reason
        assert "the origin has the new page, a cache still serves the old one" in reason

        web.cached = {CARD: Answer(folder=before, headers=CACHED)}
        reason = look_again(world)
        assert f"the card image {url}{CARD} is an old one" in reason
        assert "the origin has the new image" in reason

        web.cached = {FEED: Answer(folder=before, headers=CACHED)}
        assert f"the feed {url}{FEED} does not list {url}{PAGE}" in look_again(world)

        web.cached = {INDEX: Answer(folder=before, headers=CACHED)}
        assert f"the index {url}{INDEX} does not link to {url}{PAGE}" in look_again(world)

        web.cached = {PAGE: Answer(headers={"X-Robots-Tag": "noindex"})}
        assert "(X-Robots-Tag: noindex)" in look_again(world)

        web.cached.clear()
        world.site.run("retry", "pattern", "--yes")
        world.site.run("tick")

        assert len(world.posts("hook")) == world.sends("hook") == 1
        assert world.states() == {"hook": "confirmed"}
        world.assert_sound()
    assert alerts.titles == [
        'sample: the release of "The Pattern" fails; publisher keeps trying',
        'sample: over: the release of "The Pattern"',
    ]


def test_daemon_polls_until_the_cache_has_the_new_page(tmp_path: Path) -> None:
    with a_cached_world(tmp_path) as (world, before):
        world.web.cached[PAGE] = Answer(folder=before, headers=CACHED)
        with world.daemon() as daemon:
            waiting = daemon.wait_for("verify.waiting", post="pattern")
            assert world.sends("hook") == 0
            world.web.cached.clear()
            daemon.wait_for("release.live", post="pattern")
            daemon.wait_for("delivery.sent", post="pattern")
            code = daemon.end()

        assert code == 0
        assert "a cache still serves the old one" in waiting["reason"]
        assert names(daemon.events).count("rebuild.started") == 1
        assert len(world.posts("hook")) == 1
        world.assert_sound()
