"""Rehearsals: of a small site with a Python script for a generator, and of the sample itself."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from publisher import config
from publisher.ledger import Ledger
from publisher.model import Observe, PostId, Sight
from publisher.model.errors import PublisherError, SiteError
from publisher.posts.library import Library
from publisher.rehearse.play import rehearse
from publisher.rehearse.report import Rehearsal
from publisher.site.scratch import MARKER, hold

REPOSITORY = Path(__file__).parents[2]
NODE = shutil.which("node")
PATH = os.pathsep.join([str(Path(NODE).parent), os.defpath] if NODE else [os.defpath])

GENERATOR = """\
import os, pathlib, re, sys
out = pathlib.Path("dist")
(out / "blog").mkdir(parents=True, exist_ok=True)
links = []
for path in sorted(pathlib.Path("blog").glob("*.md")):
    _, head, body = path.read_text().split("---\\n", 2)
    title = re.search("title: (.*)", head)[1]
    is_public = "status: published" in head or "leaky" in head
    if is_public and "broken" in head:
        print("one line of many")
        sys.exit(f"cannot build {path.name}")
    text = "<p>".join(body.split("\\n\\n")) if is_public else "<p>Not yet."
    (out / "blog" / f"{path.stem}.html").write_text(f"<h1>{title}</h1>{text}")
    if is_public and "unlisted" not in head:
        links.append(f"<item><link>https://site.example/blog/{path.stem}</link></item>")
(out / "feed.xml").write_text(f"<rss><channel>{''.join(links)}</channel></rss>")
(out / "index.html").write_text('<a href="/blog/one">One</a>')
(out / "environ.txt").write_text(" ".join(sorted(os.environ)))
"""

JOBS = """\
site:
  name: small
  url: https://site.example
  root: site
  posts: "blog/*.md"
  post_url: /blog/{{slug}}
  generator: vitepress
  timezone: Europe/Oslo
rebuild: {{command: [{python}, build.py], output: dist}}
verify: {{feed: /feed.xml}}
channels:
  short:
    type: x
    template: "Out now: {{{{ post.title }}}} {{{{ post.url }}}}"
    api_key: {{env: X_API_KEY}}
    api_secret: {{env: X_API_SECRET}}
    access_token: {{env: X_TOKEN}}
    access_token_secret: {{env: X_TOKEN_SECRET}}
  letter: {{type: buttondown, token: {{env: LETTER_TOKEN}}, after: 1h}}
"""

WORDS = "one morning the {0} lay on the bench and nobody could say whose {0} it had been before"


def a_project(folder: Path) -> Path:
    """Write a project with three coming posts and a public one; give its jobs.yaml."""
    blog = folder / "site" / "blog"
    blog.mkdir(parents=True)
    (folder / "site" / "build.py").write_text(GENERATOR)
    write_post(folder, "zero", day="2026-01-01", more="status: published")
    write_post(folder, "one", day="2027-03-02")
    write_post(folder, "two", day="2027-03-09", more="status: scheduled\nannounce: {letter: false}")
    write_post(folder, "three", day="2027-03-28")
    jobs = folder / "jobs.yaml"
    jobs.write_text(JOBS.format(python=json.dumps(sys.executable)))
    return jobs


def write_post(folder: Path, name: str, *, day: str, more: str = "status: scheduled") -> None:
    paragraphs = "\n\n".join(WORDS.format(f"{name} {tool}") + "." for tool in ("saw", "plane"))
    (folder / "site" / "blog" / f"{name}.md").write_text(
        f"---\ntitle: Number {name}\ndescription: About {name}.\ndate: {day}\n{more}\n---\n\n"
        f"{paragraphs}\n"
    )


def play(
    jobs: Path, scratch: Path, *, now: datetime | None = None, more: dict[str, str] | None = None
) -> tuple[Rehearsal, str]:
    """Rehearse and give the result with what was printed meanwhile and at the end."""
    settings = config.load(jobs, environ={})
    console = Console(file=StringIO(), width=80)
    environ = {"PATH": PATH, **(more or {})}
    result = rehearse(
        settings,
        scratch=scratch,
        environ=environ,
        now=now,
        today=datetime(2026, 11, 21, tzinfo=UTC),
        console=console,
    )
    result.render(console)
    assert isinstance(console.file, StringIO)
    return result, console.file.getvalue()


def digests(folder: Path) -> dict[str, str]:
    """Give the digest of each file below a folder; links count by their target."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "node_modules" not in path.parts
    }


def texts(scratch: Path) -> set[tuple[str, str]]:
    entries = [json.loads(path.read_text()) for path in (scratch / "outbox").glob("*.json")]
    return {(entry["channel"], entry["text"]) for entry in entries}


def test_every_post_is_flipped_built_verified_and_announced(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    result, _ = play(jobs, tmp_path / "scratch")

    steps = [(r.post, r.flipped, r.built, r.verified) for r in result.rows]
    assert steps == [(post, True, True, True) for post in ("one", "two", "three")]
    assert [[(a.channel, a.at, a.ok) for a in row.announced] for row in result.rows] == [
        [
            ("short", datetime(2027, 3, 2, 8, tzinfo=UTC), True),
            ("letter", datetime(2027, 3, 2, 9, tzinfo=UTC), True),
        ],
        [("short", datetime(2027, 3, 9, 8, tzinfo=UTC), True)],
        [
            ("short", datetime(2027, 3, 28, 7, tzinfo=UTC), True),
            ("letter", datetime(2027, 3, 28, 8, tzinfo=UTC), True),
        ],
    ]
    assert result.ok


def test_nothing_but_the_scratch_folder_is_changed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    jobs = a_project(project)
    before = digests(project)

    play(jobs, project / ".demo")

    after = digests(project)
    assert {name: d for name, d in after.items() if not name.startswith(".demo/")} == before


def test_a_second_rehearsal_shows_the_same(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    scratch = tmp_path / "scratch"
    first, printed = play(jobs, scratch)
    outbox = digests(scratch / "outbox")

    second, printed_again = play(jobs, scratch)

    assert second == first
    assert printed_again.partition("Flipped")[2] == printed.partition("Flipped")[2]
    assert digests(scratch / "outbox") == outbox


def test_outboxes_get_the_words_of_the_real_channels(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    play(jobs, tmp_path / "scratch")

    said = texts(tmp_path / "scratch")
    assert ("short", "Out now: Number one https://site.example/blog/one") in said
    page = (tmp_path / "scratch" / "outbox" / "index.html").read_text()
    assert '<article class="x"' in page
    assert '<article class="newsletter"' in page


def test_no_address_of_the_stand_in_server_is_shown(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    play(jobs, tmp_path / "scratch")

    shown = [*(tmp_path / "scratch").glob("outbox/*"), *(tmp_path / "scratch").glob("site/**/*")]
    assert not [path for path in shown if path.is_file() and b"127.0.0.1" in path.read_bytes()]


def test_the_build_sees_no_secret_of_a_channel(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    play(jobs, tmp_path / "scratch", more={"LETTER_TOKEN": "canary", "THEME": "dark"})

    seen = (tmp_path / "scratch" / "site" / "environ.txt").read_text().split()
    assert "THEME" in seen
    assert "LETTER_TOKEN" not in seen


def test_the_site_is_kept_as_before_and_as_after(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    scratch = tmp_path / "scratch"

    result, _ = play(jobs, scratch)

    assert "Not yet" in (scratch / "before" / "blog" / "three.html").read_text()
    assert "whose three saw" in (scratch / "site" / "blog" / "three.html").read_text()
    assert result.site_page == scratch / "site" / "index.html"
    assert result.site_page.read_text() == '<a href="blog/one.html">One</a>'
    assert result.outbox_page == scratch / "outbox" / "index.html"


def test_a_later_start_leaves_out_what_is_past(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    result, _ = play(jobs, tmp_path / "scratch", now=datetime(2027, 3, 5, tzinfo=UTC))

    assert [row.post for row in result.rows] == ["two", "three"]
    assert result.ok


def test_a_plain_console_gets_a_line_for_each_step_and_the_table(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    _, printed = play(jobs, tmp_path / "scratch")

    lines = [line.rstrip() for line in printed.splitlines()]
    assert "2027-03-28 09:00 +02:00  three: flipped" in lines
    assert "2027-03-28 09:00 +02:00  three: verified" in lines
    assert "2027-03-28 10:00 +02:00  three: announced on letter" in lines
    table = printed.partition("Post  ")[2]
    assert [line.split() for line in table.splitlines()[2:8]] == [
        ["Number", "one", "2027-03-02", "09:00", "✓", "✓", "✓", "short"],
        ["+01:00", "letter", "10:00"],
        ["Number", "two", "2027-03-09", "09:00", "✓", "✓", "✓", "short"],
        ["+01:00"],
        ["Number", "three", "2027-03-28", "09:00", "✓", "✓", "✓", "short"],
        ["+02:00", "letter", "10:00"],
    ]
    assert max(len(line) for line in table.splitlines()[:8]) <= 80


def test_a_build_that_fails_ends_the_rehearsal_with_its_last_lines(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    write_post(tmp_path / "project", "two", day="2027-03-09", more="status: scheduled\nbroken: yes")

    result, printed = play(jobs, tmp_path / "scratch")

    assert not result.ok
    assert [(r.flipped, r.built, r.verified) for r in result.rows] == [
        (True, True, True),
        (True, False, False),
        (False, False, False),
    ]
    assert result.tail == ("one line of many", "cannot build two.md")
    assert "cannot build two.md" in printed


def test_a_site_that_does_not_build_at_all_is_an_error(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    (tmp_path / "project" / "site" / "build.py").write_text("raise SystemExit('out of paper')")

    with pytest.raises(SiteError, match="out of paper"):
        play(jobs, tmp_path / "scratch")


def test_text_that_is_shown_before_its_release_is_a_trouble(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    write_post(tmp_path / "project", "two", day="2027-03-09", more="status: scheduled\nleaky: yes")

    result, _ = play(jobs, tmp_path / "scratch")

    complaint = (
        "blog/two.html: shows the text of two before its release; "
        "let the site withhold what is not published"
    )
    assert result.troubles == (complaint,)
    assert not result.ok


def test_a_page_that_fails_the_look_ends_the_rehearsal(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    write_post(tmp_path / "project", "one", day="2027-03-02", more="status: scheduled\nunlisted: 1")

    result, _ = play(jobs, tmp_path / "scratch")

    assert [(r.flipped, r.built, r.verified) for r in result.rows] == [
        (True, True, False),
        (False, False, False),
        (False, False, False),
    ]
    assert [a.ok for a in result.rows[0].announced] == [False, False]
    assert len(result.troubles) == 1
    assert "the feed https://site.example/feed.xml does not list" in result.troubles[0]


def test_a_text_that_is_too_long_is_a_trouble_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    more = f"status: scheduled\nannounce: {{short: '{'long ' * 80}{{url}}'}}"
    write_post(tmp_path / "project", "one", day="2027-03-02", more=more)

    result, printed = play(jobs, tmp_path / "scratch")

    assert [a.ok for row in result.rows for a in row.announced] == [False, True, True, True, True]
    assert len(result.troubles) == 1
    assert result.troubles[0].startswith("one, short: held:")
    assert "short ✗" in printed


def test_a_site_that_is_built_elsewhere_is_rehearsed_without_its_pages(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    jobs.write_text(jobs.read_text().replace("rebuild: ", "# ").replace("verify: ", "# "))

    result, _ = play(jobs, tmp_path / "scratch")

    assert result.ok
    assert result.site_page is None
    assert result.outbox_page is not None


def test_a_post_that_cannot_be_read_is_a_trouble_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    write_post(tmp_path / "project", "two", day="2027-02-30")

    result, _ = play(jobs, tmp_path / "scratch")

    assert [(row.post, row.ok) for row in result.rows] == [("one", True), ("three", True)]
    assert "2027-02-30 is not a date that exists" in result.troubles[0]


def a_project_with_drafts(folder: Path) -> Path:
    """Write a project whose generator knows a draft flag only, and three drafts with a date."""
    jobs = a_project(folder)
    jobs.write_text(jobs.read_text().replace("vitepress", "eleventy"))
    build = folder / "site" / "build.py"
    build.write_text(build.read_text().replace("status: published", "draft: false"))
    write_post(folder, "zero", day="2026-01-01", more="draft: false")
    for name, day in (("one", "2027-03-02"), ("two", "2027-03-09"), ("three", "2027-03-28")):
        write_post(folder, name, day=day, more="draft: true")
    return jobs


def withdraw(jobs: Path, name: str) -> None:
    """Have the real ledger know a post as withdrawn."""
    settings = config.load(jobs, environ={})
    at = datetime(2027, 3, 5, tzinfo=UTC)
    scan = Library(settings.site, settings.project).scan()
    (post,) = (post for post in scan.posts if post.id == name)
    with Ledger.open(settings.ledger_url, site=settings.site.name, now=at) as ledger:
        for sight in (Sight.NEW, Sight.WITHDRAWN):
            ledger.observe(Observe.of(post, sight, "its file says draft"), now=at)


@pytest.mark.parametrize("now", [None, datetime(2027, 3, 1, tzinfo=UTC)])
def test_a_withdrawn_post_is_not_played(tmp_path: Path, now: datetime | None) -> None:
    jobs = a_project_with_drafts(tmp_path / "project")
    withdraw(jobs, "one")
    before = digests(tmp_path / "project")

    result, _ = play(jobs, tmp_path / "scratch", now=now)

    assert [row.post for row in result.rows] == ["two", "three"]
    assert result.ok
    page = tmp_path / "scratch" / "site" / "blog" / "one.html"
    assert "Not yet" in page.read_text()
    assert digests(tmp_path / "project") == before


@pytest.mark.parametrize(
    ("day", "more"),
    [("2027-03-03", "draft: true"), ("2027-03-02", "draft: true\nreveal: 2027-03-02")],
)
def test_a_withdrawn_post_that_comes_back_is_played(tmp_path: Path, day: str, more: str) -> None:
    jobs = a_project_with_drafts(tmp_path / "project")
    withdraw(jobs, "one")
    write_post(tmp_path / "project", "one", day=day, more=more)

    result, _ = play(jobs, tmp_path / "scratch")

    assert [row.post for row in result.rows] == ["one", "two", "three"]
    assert result.ok


def adopt(jobs: Path, name: str) -> None:
    """Have the real ledger know a post as public when the site was adopted."""
    settings = config.load(jobs, environ={})
    at = datetime(2027, 2, 1, tzinfo=UTC)
    seen = Observe(
        post=PostId(name),
        sight=Sight.BASELINE,
        path=f"site/blog/{name}.md",
        digest="0" * 64,
        release_at=None,
        why="was public when first seen",
    )
    with Ledger.open(settings.ledger_url, site=settings.site.name, now=at) as ledger:
        ledger.adopt([seen], now=at)


def test_a_post_that_was_public_before_is_not_played_and_waits_for_a_person(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    adopt(jobs, "two")

    result, printed = play(jobs, tmp_path / "scratch")

    assert [row.post for row in result.rows] == ["one", "three"]
    assert not result.ok
    sentence = (
        "two: was public when first seen, yet its file says scheduled; run `publisher release two`"
    )
    assert result.troubles == (sentence,)
    assert sentence in printed
    assert "Not yet" in (tmp_path / "scratch" / "site" / "blog" / "two.html").read_text()


def test_what_waits_for_a_person_is_said_where_nothing_else_is_coming(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    adopt(jobs, "three")

    with pytest.raises(PublisherError) as caught:
        play(jobs, tmp_path / "scratch", now=datetime(2027, 3, 10, tzinfo=UTC))

    assert "`publisher release three`" in caught.value.what
    assert "no post waits for a coming release" in caught.value.what


def test_a_calendar_without_a_coming_release_says_so(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    with pytest.raises(PublisherError, match="no post waits for a coming release"):
        play(jobs, tmp_path / "scratch", now=datetime(2028, 1, 1, tzinfo=UTC))


def test_missing_packages_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    jobs.write_text(jobs.read_text().replace(f"[{json.dumps(sys.executable)}, build.py]", "[npm]"))
    (tmp_path / "project" / "site" / "package.json").write_text("{}")
    (tmp_path / "project" / "site" / "package-lock.json").write_text("{}")

    with pytest.raises(PublisherError, match="run `npm ci` in site/"):
        play(jobs, tmp_path / "scratch")


def test_builds_reach_the_installed_packages_but_cannot_add_to_them(tmp_path: Path) -> None:
    project = tmp_path / "project"
    jobs = a_project(project)
    package = project / "site" / "node_modules" / "words"
    package.mkdir(parents=True)
    (package / "text.txt").write_text("from a package")
    script = project / "site" / "build.py"
    script.write_text(
        f"{GENERATOR}\n"
        "text = pathlib.Path('node_modules/words/text.txt').read_text()\n"
        "pathlib.Path('node_modules/.cache').mkdir(exist_ok=True)\n"
        "(out / 'package.txt').write_text(text)\n"
    )

    play(jobs, tmp_path / "scratch")

    assert (tmp_path / "scratch" / "site" / "package.txt").read_text() == "from a package"
    assert [path.name for path in package.parent.iterdir()] == ["words"]


def test_a_folder_of_somebody_else_is_never_emptied(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "novel.txt").write_text("chapter one")

    with pytest.raises(PublisherError, match="no rehearsal made it"):
        play(jobs, tmp_path / "mine")

    assert (tmp_path / "mine" / "novel.txt").read_text() == "chapter one"


def test_a_link_is_never_emptied(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / MARKER).touch()
    (tmp_path / "link").symlink_to(tmp_path / "mine")

    with pytest.raises(PublisherError, match="no rehearsal made it"):
        play(jobs, tmp_path / "link")


def test_two_rehearsals_do_not_share_a_folder(tmp_path: Path) -> None:
    jobs = a_project(tmp_path / "project")

    with (
        hold(tmp_path / "scratch"),
        pytest.raises(PublisherError, match="another rehearsal is using it"),
    ):
        play(jobs, tmp_path / "scratch")


def node_version() -> int:
    if NODE is None:
        return 0
    done = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True)
    return int(done.stdout.lstrip("v").partition(".")[0])


def tree_state() -> tuple[str, dict[str, str]]:
    """Give what git says of the working tree, and the digest of each file of the sample."""
    command = ["git", "status", "--porcelain", "--", "content", "jobs.yaml"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout, digests(REPOSITORY / "content")


@pytest.mark.site
@pytest.mark.skipif(node_version() < 20, reason="the sample site is built by Node 20 or newer")
def test_the_sample_is_rehearsed_from_embargo_to_the_last_announcement(tmp_path: Path) -> None:
    before = tree_state()
    scratch = tmp_path / "demo"

    first, _ = play(REPOSITORY / "jobs.yaml", scratch)
    outbox = digests(scratch / "outbox")
    second, _ = play(REPOSITORY / "jobs.yaml", scratch)

    assert first.ok
    assert [(row.post, row.ok, len(row.announced)) for row in first.rows] == [
        ("bench", True, 3),
        ("pattern", True, 3),
        ("door", True, 3),
    ]
    assert second == first
    assert digests(scratch / "outbox") == outbox
    assert tree_state() == before
