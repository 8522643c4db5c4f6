"""`publisher withdraw`: the page goes, what waits is cancelled, what is out is shown."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.system import locks
from tests.acceptance.programs import PatientWebhook, comes_true
from tests.acceptance.sites import TIMEOUT_S, Result, Site, a_series, a_site
from tests.platforms.server import Fault
from tests.platforms.webhook import WebhookPlatform

# A generator that leaves drafts out, as most do.
GENERATOR = """\
import pathlib, re, shutil, sys
if pathlib.Path("broken").exists():
    sys.exit("the generator does not like this")
out = pathlib.Path("dist")
shutil.rmtree(out, ignore_errors=True)
(out / "blog").mkdir(parents=True)
(out / "index.html").write_text("<h1>Home</h1>")
for path in sorted(pathlib.Path("blog").glob("*.md")):
    text = path.read_text()
    if "status: published" in text:
        (out / "blog" / (path.stem + ".html")).write_text(text)
"""
LANDING = '# Series\n\n## Pattern\n\n<PostPreview {} post="pattern">\n\nText.\n</PostPreview>\n'


def a_live_site(folder: Path, platform: WebhookPlatform, **changes: str) -> Site:
    """Give a site whose post `pattern` is live, and announced on a webhook."""
    webhook = f"  hook: {{type: webhook, url: '{platform.url}/hook', timeout: 2s}}\n"
    late = f"  late: {{type: webhook, url: '{platform.url}/late', after: 30d}}\n"
    site = a_series(folder, channels=webhook + late, **changes)
    (folder / "content" / "generate.py").write_text(GENERATOR)
    (folder / "content" / "index.md").write_text(LANDING.format("blurred"))
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "pattern", "--yes")
    return site


def page(site: Site, name: str = "pattern") -> Path:
    return site.folder / "content" / "dist" / "blog" / f"{name}.html"


def text(site: Site, name: str = "blog/pattern.md") -> str:
    return (site.folder / "content" / name).read_text()


def why(site: Site, name: str = "pattern") -> Result:
    return site.run("why", name, code=None)


def states(site: Site) -> dict[str, str]:
    found = site.run("status", "--json", code=None).json()["deliveries"]
    return {f"{row['channel']}/{row['occasion']}": row["state"] for row in found}


def test_page_goes_and_what_waits_is_cancelled(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        was_there = page(site).exists()

        shown = site.run("withdraw", "pattern", "--reason", "it names a client", "--yes")

        assert was_there
        assert not page(site).exists()
        assert "status: draft\n" in text(site)
        assert states(site) == {"hook/launch": "confirmed", "late/launch": "cancelled"}
        assert "  pattern/late/launch, due " in shown.out
        assert "  pattern/hook/launch: sent" in shown.out
        assert "ask its receiver" in shown.out
        assert "1 announcement cancelled, 1 announcement already sent" in shown.out
        assert "it names a client" in site.run("log", "pattern").out


def test_why_says_that_it_was_withdrawn_and_that_nothing_more_happens(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)

        site.run("withdraw", "pattern", "--yes")

        found = why(site).out
        assert "state: draft" in found
        assert "release: withdrawn" in found
        assert "asked for with `publisher withdraw`" in found
        assert "not built yet" not in found
        assert site.run("tick").out.startswith("nothing is due")


def test_preview_block_is_blurred_again_and_revealed_with_the_next_release(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        before = text(site, "index.md")

        site.run("withdraw", "pattern", "--yes")
        between = text(site, "index.md")
        site.run("release", "pattern", "--yes")

        assert before == LANDING.format("revealed")
        assert between == LANDING.format("blurred")
        assert text(site, "index.md") == before


def test_post_that_comes_back_is_announced_only_where_it_was_not(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        site.run("withdraw", "pattern", "--yes")

        site.run("release", "pattern", "--yes")

        assert page(site).exists()
        assert states(site) == {"hook/launch": "confirmed", "late/launch": "planned"}
        assert len(platform.accepted) == 1


def test_withdrawing_twice_is_withdrawing_once(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        site.run("withdraw", "pattern", "--yes")
        before = text(site)

        shown = site.run("withdraw", "pattern", "--yes", code=1)

        assert "is not public; its file says draft already" in shown.err
        assert text(site) == before


def test_page_goes_later_when_the_build_fails_at_first(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        broken = site.folder / "content" / "broken"
        broken.touch()
        site.run("withdraw", "pattern", "--yes", code=1)
        stuck, was_there = why(site).out, page(site).exists()
        broken.unlink()

        shown = site.run("retry", "pattern", "--yes")

        assert was_there
        assert "the rebuild failed: " in stuck
        assert "\n    publisher retry pattern\n" in stuck
        assert "pattern: withdrawn, the site is built again now\n" in shown.out
        assert not page(site).exists()


def test_page_goes_too_when_the_file_is_edited_by_hand(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        path = site.folder / "content" / "blog" / "pattern.md"
        path.write_text(path.read_text().replace("published", "draft"))
        told = why(site).out

        site.run("tick")

        assert "state: draft" in told
        assert not page(site).exists()


def test_back_under_embargo_until_a_coming_date(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)  # released ahead of its date in 2099

        shown = site.run("withdraw", "pattern", "--to-embargo", "--yes")

        assert "it is released again at 2099-03-10 09:00 +01:00" in shown.out
        assert "status: scheduled\n" in text(site)
        assert not page(site).exists()
        coming = why(site).out
        assert "under embargo until 2099-03-10 09:00 +01:00" in coming


def test_post_without_a_coming_date_cannot_go_back_under_embargo(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        path = site.folder / "content" / "blog" / "pattern.md"
        path.write_text(path.read_text().replace("2099-03-10", "2026-03-10"))

        shown = site.run("withdraw", "pattern", "--to-embargo", "--yes", code=1)

        assert "it would be released again at once" in shown.err
        assert "status: published\n" in text(site)


def test_old_post_goes_and_is_never_announced_when_it_comes_back_by_hand(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        path = site.folder / "content" / "blog" / "plane.md"
        was_there = page(site, "plane").exists()

        site.run("withdraw", "plane", "--yes")
        is_there = page(site, "plane").exists()
        path.write_text(path.read_text().replace("draft", "published"))
        site.run("tick")

        assert (was_there, is_there) == (True, False)
        assert len(platform.accepted) == 1


def test_old_post_is_announced_when_a_command_brings_it_back_as_was_said(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)

        old = site.run("withdraw", "plane", "--yes")
        announced = site.run("withdraw", "pattern", "--yes")
        site.run("release", "plane", "--yes", code=3)  # one of its two channels is too late

        words = "`publisher release plane` publishes it again and announces it; an edit by hand"
        assert words in old.err
        assert "not sent again" not in old.err
        assert "what was sent is not sent again" in announced.err
        assert len(platform.accepted) == 2


def test_what_is_under_embargo_becomes_a_draft(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)

        shown = site.run("withdraw", "door", "--yes")

        assert "no announcement is pending, and none was sent" in shown.out
        assert "is a draft" in why(site, "door").out
        entries = site.run("calendar", "--json").json()["entries"]
        assert [entry["post"] for entry in entries if entry["action"] == "release"] == []


def test_announcement_that_may_be_out_is_named_and_stays_uncertain(tmp_path: Path) -> None:
    with WebhookPlatform(honours_keys=False) as platform:
        platform.faults.append(Fault.accept_then_reset())
        hook = f"  hook: {{type: webhook, url: '{platform.url}/hook', timeout: 2s}}\n"
        site = a_series(tmp_path, channels=hook)
        site.run("adopt", "--yes", "--no-build")
        site.run("release", "pattern", "--yes", code=None)

        shown = site.run("withdraw", "pattern", "--yes", code=3)

        assert "pattern/hook/launch: may have gone out; check there" in shown.out
        assert states(site) == {"hook/launch": "held"}


def test_without_yes_nothing_is_done(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        before = site.files()

        shown = site.run("withdraw", "pattern", code=2)

        assert "status changes from published to draft" in shown.out
        assert "without a terminal this needs --yes" in shown.err
        assert site.files() == before


def test_daemon_is_left_to_build(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        with locks.hold(site.folder / ".publisher", locks.DAEMON):
            shown = site.run("withdraw", "pattern", "--yes")
        told = why(site).out

        site.run("tick")

        assert "the daemon does it within 15 s" in shown.err
        assert "not built yet" in told
        assert not page(site).exists()


def test_site_without_a_rebuild_says_that_its_page_is_the_persons_to_take_away(
    tmp_path: Path,
) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        jobs = site.folder / "jobs.yaml"
        kept = [line for line in jobs.read_text().splitlines() if "rebuild:" not in line]
        jobs.write_text("\n".join(kept) + "\n")

        shown = site.run("withdraw", "pattern", "--yes")

        assert "removed when you build the site; jobs.yaml has no `rebuild`" in shown.out
        assert "not built yet" not in why(site).out


@pytest.mark.parametrize(
    ("date", "code"), [("2099-03-10T09:00:00+01:00", 1), ("2026-03-10T09:00:00+01:00", 0)]
)
def test_draft_flag_withdraws_only_where_no_date_brings_the_post_back(
    date: str, code: int, tmp_path: Path
) -> None:
    with WebhookPlatform() as platform:
        hook = f"  hook: {{type: webhook, url: '{platform.url}/hook'}}\n"
        site = a_series(tmp_path, channels=hook)
        jobs = site.folder / "jobs.yaml"
        jobs.write_text(jobs.read_text().replace("generator: vitepress", "generator: hugo"))
        for old in (site.folder / "content" / "blog").glob("*.md"):
            old.unlink()
        path = site.folder / "content" / "blog" / "saw.md"
        (site.folder / "content" / "generate.py").write_text(
            GENERATOR.replace("status: published", "draft: false")
        )
        site.run("adopt", "--yes", "--no-build")
        head = "---\ntitle: Saw\ndescription: A saw.\npublishDate: {}\ndraft: true\n---\n\n"
        body = "One morning the saw lay on the bench, and nobody could say whose it was.\n"
        path.write_text(head.format("2099-03-10T09:00:00+01:00") + body)
        site.run("tick")
        site.run("release", "saw", "--yes")
        path.write_text(path.read_text().replace("2099-03-10T09:00:00+01:00", date))
        site.run("tick")

        shown = site.run("withdraw", "saw", "--yes", code=code)
        site.run("tick")

        assert page(site, "saw").exists() is (code == 1)
        assert ("a draft with a date is scheduled" in shown.err) is (code == 1)
        assert len(platform.accepted) == 1


@pytest.mark.parametrize(
    ("generator", "told"),
    [
        ("hugo", "remove the date from the file, or use --to-embargo"),
        ("jekyll", "its name holds the date: move the file to the drafts folder, which"),
    ],
)
def test_way_to_lose_a_coming_date_is_one_that_the_file_has(
    generator: str, told: str, tmp_path: Path
) -> None:
    site = a_site(tmp_path)
    jobs = site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("generator: vitepress", f"generator: {generator}"))
    public = "draft: false\npublishDate: 2099-03-10" if generator == "hugo" else "published: true"
    path = site.folder / "content" / "blog" / "2099-03-10-saw.md"
    path.write_text(f"---\ntitle: Saw\ndescription: A saw.\n{public}\n---\n\nA saw.\n")
    site.run("adopt", "--yes", "--no-build")

    shown = site.run("withdraw", "2099-03-10-saw", "--yes", code=1)

    assert told in " ".join(shown.err.split())


def a_hugo_post(folder: Path, date: str, **changes: str) -> tuple[Site, Path]:
    """Give a site whose post is out ahead of its `date`, which to Hugo says nothing of drafts."""
    site = a_site(folder, **changes)
    jobs = site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("generator: vitepress", "generator: hugo"))
    path = site.folder / "content" / "blog" / "saw.md"
    path.write_text(f"---\ntitle: Saw\ndescription: A saw.\ndate: {date}\n---\n\nA saw.\n")
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "saw", "--yes", code=None)
    path.write_text(path.read_text().replace("---\n\n", "draft: false\n---\n\n"))
    return site, path


def test_date_that_no_draft_has_brings_no_post_back(tmp_path: Path) -> None:
    site, path = a_hugo_post(tmp_path, "2099-03-10")
    before = path.read_text()

    refused = site.run("withdraw", "saw", "--to-embargo", "--yes", code=1)
    unchanged = path.read_text()
    path.write_text(before.replace("date: 2099", "publishDate: 2099"))
    shown = site.run("withdraw", "saw", "--to-embargo", "--yes")

    told = " ".join(refused.err.split())
    assert "would lose its release date" in told
    assert "write publishDate: 2099-03-10T09:00:00+01:00 into it" in told
    assert unchanged == before
    assert "it is released again at 2099-03-10 09:00 +01:00" in shown.out
    assert "under embargo until 2099-03-10" in why(site, "saw").out


def test_date_that_no_draft_has_is_in_no_withdrawals_way(tmp_path: Path) -> None:
    site, path = a_hugo_post(tmp_path, "2099-03-10")

    site.run("withdraw", "saw", "--yes")

    assert "draft: true\n" in path.read_text()
    assert "state: draft" in why(site, "saw").out


# --- while a tick is under way ---------------------------------------------------------------


HANGING = """\
import pathlib, time
if pathlib.Path("gate").exists():
    pathlib.Path("building").touch()
while pathlib.Path("gate").exists():
    time.sleep(0.01)
"""


@contextmanager
def begin(site: Site, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the test."""
    with subprocess.Popen(
        site.command(*arguments),
        cwd=site.folder,
        env=site.all_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


@contextmanager
def a_tick_in_its_build(site: Site) -> Iterator[Callable[[], None]]:
    """Begin a tick whose build hangs; gives what lets it go on, and waits for its end."""
    content = site.folder / "content"
    gate = content / "gate"
    generate = content / "generate.py"
    generate.write_text(HANGING + generate.read_text())
    gate.touch()
    with begin(site, "tick") as tick:

        def go_on() -> None:
            gate.unlink()
            tick.communicate(timeout=TIMEOUT_S)

        try:
            assert comes_true((content / "building").exists)
            yield go_on
        finally:
            gate.unlink(missing_ok=True)


@pytest.mark.parametrize("way", [(), ("--to-embargo",)], ids=["to a draft", "to the embargo"])
def test_post_withdrawn_while_it_is_built_is_not_announced(
    way: tuple[str, ...], tmp_path: Path
) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    with locks.hold(site.folder / ".publisher", locks.DAEMON):
        site.run("release", "pattern", "--yes")

    with (
        a_tick_in_its_build(site) as go_on,
        begin(site, "withdraw", "pattern", "--yes", *way) as withdraw,
    ):
        is_changed = comes_true(lambda: "status: published" not in text(site), within_s=20)
        go_on()
        out, _ = withdraw.communicate(timeout=TIMEOUT_S)

    assert is_changed
    assert site.outbox == []
    assert "waiting for the running tick" in out
    assert "pattern: withdrawn, 2 announcements cancelled\n" in out
    assert "published" not in text(site)
    assert ("status: scheduled" in text(site)) is bool(way)


@contextmanager
def a_killed_withdrawal(site: Site, *way: str) -> Iterator[None]:
    """Kill a command that has recorded its request, and waits for a tick that is under way."""
    with (
        locks.hold(site.folder / ".publisher", locks.TICK),
        begin(site, "withdraw", "pattern", "--yes", *way) as withdraw,
    ):
        assert comes_true(lambda: "status: draft" in text(site), within_s=20)
        withdraw.kill()
        withdraw.wait(TIMEOUT_S)
    yield


@pytest.mark.parametrize(
    ("way", "state"), [((), "draft"), (("--to-embargo",), "scheduled")], ids=["draft", "embargo"]
)
def test_withdrawal_that_was_killed_is_done_by_the_next_tick(
    way: tuple[str, ...], state: str, tmp_path: Path
) -> None:
    with WebhookPlatform() as platform:
        site = a_live_site(tmp_path, platform)
        with a_killed_withdrawal(site, *way):
            site.run("tick", code=None)

        assert f"status: {state}\n" in text(site)
        assert not page(site).exists()
        assert states(site) == {"hook/launch": "confirmed", "late/launch": "cancelled"}
        assert "release: withdrawn" in why(site).out or state == "scheduled"


def test_withdrawal_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "pattern", "--yes")
    with a_killed_withdrawal(site, "--to-embargo"):
        shown = site.run("withdraw", "pattern", "--yes", "--to-embargo")

    assert "it is released again at 2099-03-10 09:00 +01:00" in shown.out
    assert "status: scheduled\n" in text(site)
    assert "under embargo until 2099-03-10" in why(site).out


def test_draft_that_was_never_out_is_not_put_under_embargo(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.write("idea", reveal="2099-03-10", status="draft")

    shown = site.run("withdraw", "idea", "--yes", "--to-embargo", code=1)

    assert "idea is not public: it is a draft" in shown.err


def test_post_that_a_tick_is_about_to_release_stays_in(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    with locks.hold(site.folder / ".publisher", locks.DAEMON):
        site.run("release", "pattern", "--yes")

    with a_tick_in_its_build(site) as go_on:
        with locks.hold(site.folder / ".publisher", locks.DAEMON):
            site.run("release", "door", "--yes")
        with begin(site, "withdraw", "door", "--yes") as withdraw:
            is_changed = comes_true(lambda: "draft" in text(site, "blog/door.md"), within_s=20)
            go_on()
            out, _ = withdraw.communicate(timeout=TIMEOUT_S)

    assert is_changed
    assert {entry["link"] for entry in site.outbox} == {"https://site.example/blog/pattern"}
    assert "status: draft" in text(site, "blog/door.md")
    assert "door: withdrawn" in out


def test_announcement_that_was_faster_is_named(tmp_path: Path) -> None:
    with PatientWebhook() as platform:
        hook = f"  hook: {{type: webhook, url: '{platform.url}/hook', timeout: 30s}}\n"
        site = a_series(tmp_path, channels=hook)
        site.run("adopt", "--yes", "--no-build")

        with begin(site, "release", "pattern", "--yes") as release:
            assert comes_true(lambda: platform.requests)
            with begin(site, "withdraw", "pattern", "--yes") as withdraw:
                is_changed = comes_true(lambda: "status: draft" in text(site), within_s=20)
                platform.may_answer.set()
                release.communicate(timeout=TIMEOUT_S)
                out, _ = withdraw.communicate(timeout=TIMEOUT_S)

        assert is_changed
        assert "pattern: withdrawn, 1 announcement already sent\n" in out
        assert len(platform.accepted) == 1


def test_announcement_that_went_out_before_the_answer_is_named(tmp_path: Path) -> None:
    site = a_series(tmp_path / "site")
    site.run("adopt", "--yes", "--no-build")
    with locks.hold(site.folder / ".publisher", locks.DAEMON):
        site.run("release", "pattern", "--yes")
    said = tmp_path / "said"
    ours, theirs = pty.openpty()

    with (
        said.open("w") as output,
        subprocess.Popen(
            site.command("withdraw", "pattern"),
            cwd=site.folder,
            env=site.all_environ(),
            stdin=theirs,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as withdraw,
    ):
        is_asked = comes_true(lambda: "[y/N]" in said.read_text())
        site.run("tick")
        os.write(ours, b"y\n")
        withdraw.wait(TIMEOUT_S)
    os.close(ours)
    os.close(theirs)

    out = said.read_text()
    assert is_asked
    assert "no announcement is pending, and none was sent" in out
    assert "too late to stop 2 announcements:\n  pattern/newsletter" in out
    assert "status: draft" in text(site)


# --- the live page ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("embargo", "told"),
    [
        ("omit", "`curl -sI https://site.example/blog/plane` returns 404"),
        ("off", "https://site.example/blog/plane shows the text no longer"),
        ("redact\nwithdrawn: /", "https://site.example/blog/plane shows the text no longer"),
    ],
)
def test_the_page_to_look_at_is_named(embargo: str, told: str, tmp_path: Path) -> None:
    site = a_linked_site(tmp_path, more=f"embargo: {embargo}\n")

    shown = site.run("withdraw", "plane", "--yes")

    assert f"after the deployment, {told}; if not, purge your host's cache" in " ".join(
        shown.err.split()
    )


def test_of_what_was_never_public_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    site = a_linked_site(tmp_path)

    shown = site.run("withdraw", "door", "--yes")

    assert "purge" not in shown.out + shown.err


# --- links that lose their page --------------------------------------------------------------

LINKING = (
    "# About\n\nRead [the pattern](/blog/pattern).\n\n"
    "`[shown](/blog/pattern)` is code.\n\n"
    '<a href="./blog/pattern.html">again</a>, and [the door](/blog/door)\n'
)


def a_linked_site(folder: Path, *, generator: str = "vitepress", more: str = "") -> Site:
    """Give a site with a public post, which a public page and a draft link to."""
    site = a_series(folder, more=more)
    (folder / "content" / "generate.py").write_text(GENERATOR)
    jobs = folder / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("generator: vitepress", f"generator: {generator}"))
    if generator == "hugo":
        for path in (folder / "content" / "blog").glob("*.md"):
            text = path.read_text().replace("status: published", "draft: false")
            path.write_text(text.replace("status: scheduled", "draft: true"))
    site.run("adopt", "--yes", "--no-build")
    (folder / "content" / "about.md").write_text(LINKING.replace("pattern", "plane"))
    idea = folder / "content" / "blog" / "idea.md"
    idea.write_text(idea.read_text() + "\n[plane](/blog/plane)\n")
    return site


def test_links_to_a_page_that_goes_are_named_before_asking(tmp_path: Path) -> None:
    site = a_linked_site(tmp_path, more="embargo: redact\n")

    shown = site.run("withdraw", "plane", code=2)

    assert (
        "\nlinks to it on public pages:\n"
        "  content/about.md:3: /blog/plane\n"
        "  content/about.md:7: ./blog/plane.html\n"
        "  these links become plain text until it is back\n"
    ) in shown.out
    assert "idea.md" not in shown.out


def test_what_is_built_has_no_links_to_it(tmp_path: Path) -> None:
    site = a_linked_site(tmp_path, more="embargo: redact\n")
    pages = '\nshutil.copy("about.md", out / "about.html")\n'
    (tmp_path / "content" / "generate.py").write_text(GENERATOR + pages)
    about, built = tmp_path / "content" / "about.md", tmp_path / "content" / "dist" / "about.html"
    source = about.read_text()

    site.run("withdraw", "plane", "--yes")
    without = built.read_text()
    site.run("release", "plane", "--yes")

    assert without.startswith("# About\n\nRead the plane.\n\n")
    assert "again, and [the door](/blog/door)" in without
    assert built.read_text() == source
    assert about.read_text() == source


def test_links_in_a_preview_of_the_post_are_concealed_with_it(tmp_path: Path) -> None:
    site = a_linked_site(tmp_path, more="embargo: redact\n")
    (site.folder / "content" / "about.md").write_text(
        '# About\n\n<PostPreview revealed post="plane">\n\n[plane](/blog/plane)\n\n</PostPreview>\n'
    )

    shown = site.run("withdraw", "plane", code=2)

    assert "links to it" not in shown.out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("embargo: omit\n", "these links become plain text until it is back\n"),
        ("withdrawn: /gone\n", "these links will be broken\n"),
        (
            "embargo: redact\nwithdrawn: /gone\n",
            "these links become plain text until it is back\n",
        ),
    ],
)
def test_what_becomes_of_links_is_said(more: str, told: str, tmp_path: Path) -> None:
    site = a_linked_site(tmp_path, generator="hugo", more=more)

    shown = site.run("withdraw", "plane", code=2)

    assert "  content/about.md:3: /blog/plane\n" in shown.out
    assert f"  {told}" in shown.out


def test_nothing_is_said_of_links_where_the_page_stays(tmp_path: Path) -> None:
    site = a_linked_site(tmp_path)  # VitePress builds every page, and nothing is staged

    shown = site.run("withdraw", "plane", code=2)

    assert "links to it" not in shown.out
