"""What may fail beside a release without holding it, and what must not be forgotten then."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.programs import MORTAL
from tests.acceptance.sites import Site
from tests.acceptance.test_embargo_chain import an_embargoed_site, dist, git, with_git

PUSHED = "git: {pull: false}\n"
SENT_BY_COMMAND = 'deploy: {command: ["true"]}\n'


def an_adopted_site(folder: Path, more: str, *, embargo: str = "redact") -> tuple[Site, Path]:
    """Give a site under version control, built once, and its private remote."""
    site = an_embargoed_site(folder / "site", embargo=embargo, more=more)
    private, _ = with_git(site, folder)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    return site, private


def subjects(folder: Path) -> list[str]:
    return git(folder, "log", "--format=%s", "main").splitlines()


# --- a release whose sources cannot be pushed ------------------------------------------------


def lose_the_remote(site: Site, private: Path) -> Callable[[], object]:
    away = private.with_name("away.git")
    private.rename(away)
    return lambda: away.rename(private)


def refuse_pushes(site: Site, private: Path) -> Callable[[], object]:
    hook = private / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho closed for the night\nexit 1\n")
    hook.chmod(0o755)
    return hook.unlink


def leave_a_merge_unfinished(site: Site, private: Path) -> Callable[[], object]:
    """Leave what makes a commit impossible."""
    mark = site.folder / ".git" / "MERGE_HEAD"
    mark.write_text(git(site.folder, "rev-parse", "HEAD"))
    return mark.unlink


@pytest.mark.parametrize(
    ("more", "go_wrong"),
    [
        (PUSHED + SENT_BY_COMMAND, lose_the_remote),
        (PUSHED + SENT_BY_COMMAND, refuse_pushes),
        (PUSHED + SENT_BY_COMMAND, leave_a_merge_unfinished),
        ("git: {pull: false, deploy_branch: live, deploy_remote: public}\n", lose_the_remote),
    ],
)
def test_release_goes_out_by_another_way_and_its_sources_follow_later(
    tmp_path: Path, more: str, go_wrong: Callable[[Site, Path], Callable[[], object]]
) -> None:
    site, private = an_adopted_site(tmp_path, more)
    mend = go_wrong(site, private)

    released = site.run("release", "door", "--yes", code=1)
    waiting = site.run("tick", code=1)
    announced = len(site.outbox)
    mend()
    after = site.run("tick")

    assert announced == 1
    for told in (released.out, waiting.out):
        assert "not all is committed and pushed: " in told
    assert "nothing is due" in after.out
    assert subjects(private) == ["Release: door", "The site"]


def test_edit_after_a_release_that_could_not_be_pushed_stays_its_authors(tmp_path: Path) -> None:
    site, private = an_adopted_site(tmp_path, PUSHED + SENT_BY_COMMAND)
    mend = lose_the_remote(site, private)
    site.run("release", "door", "--yes", code=1)
    door = site.folder / "content" / "blog" / "door.md"
    door.write_text(door.read_text() + "\nHalf a sentence\n")

    site.run("tick", code=1)
    mend()
    site.run("tick")

    assert subjects(private) == ["Release: door", "The site"]
    assert "Half a sentence" not in git(private, "show", "main:content/blog/door.md")
    assert git(site.folder, "status", "--short") == " M content/blog/door.md\n"


def test_release_that_could_not_be_committed_is_made_up_for_by_the_next_one(
    tmp_path: Path,
) -> None:
    site, private = an_adopted_site(tmp_path, PUSHED + SENT_BY_COMMAND)
    site.write("lathe", reveal="2099-04-10")
    git(site.folder, "add", "-A")
    git(site.folder, "commit", "-qm", "Lathe")
    mend = leave_a_merge_unfinished(site, private)
    site.run("release", "door", "--yes", code=1)
    mend()

    site.run("release", "lathe", "--yes")

    assert subjects(private)[0] == "Release 2 posts"
    assert "status: published" in git(private, "show", "main:content/blog/door.md")


def test_conflict_holds_no_release_and_both_sides_stay_as_they_are(tmp_path: Path) -> None:
    site, private = an_adopted_site(tmp_path, PUSHED + SENT_BY_COMMAND)
    git(tmp_path, "clone", "-q", str(private), "elsewhere")
    theirs = tmp_path / "elsewhere" / "content" / "blog" / "door.md"
    theirs.write_text(theirs.read_text().replace("status: scheduled", "status: draft"))
    git(tmp_path / "elsewhere", "commit", "-qam", "Not yet")
    git(tmp_path / "elsewhere", "push", "-q")

    done = site.run("release", "door", "--yes", code=1)

    assert "conflict in content/blog/door.md" in done.out
    assert len(site.outbox) == 1
    assert subjects(private) == ["Not yet", "The site"]
    assert subjects(site.folder) == ["Release: door", "The site"]


@pytest.mark.parametrize("way", ["", "deploy: {command: ['true'], hook: {env: HOOK}}\n"])
def test_release_that_its_host_builds_from_the_sources_waits_for_the_push(
    tmp_path: Path, way: str
) -> None:
    site, private = an_adopted_site(tmp_path, PUSHED)
    jobs = site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text() + way)
    lose_the_remote(site, private)

    done = site.run("release", "door", "--yes", code=1)

    assert "the rebuild for door failed: git push: " in done.out
    assert site.outbox == []


# --- a kill after a pull ---------------------------------------------------------------------


@pytest.mark.parametrize("embargo", ["off", "redact"])
def test_commits_that_came_before_a_kill_are_built_by_the_next_tick(
    tmp_path: Path, embargo: str
) -> None:
    site, private = an_adopted_site(tmp_path, "git: {push: false}\n", embargo=embargo)
    git(tmp_path, "clone", "-q", str(private), "elsewhere")
    theirs = tmp_path / "elsewhere" / "content" / "blog" / "bench.md"
    theirs.write_text(theirs.read_text() + "\nFrom another desk.\n")
    git(tmp_path / "elsewhere", "commit", "-qam", "A thought")
    git(tmp_path / "elsewhere", "push", "-q")
    killed = subprocess.run(
        [sys.executable, "-c", MORTAL, "pull.done", "--verbose", "tick"],
        cwd=site.folder,
        env=site.all_environ(),
        capture_output=True,
        check=False,
    )

    site.run("tick")
    again = site.run("tick")

    assert killed.returncode == -signal.SIGKILL, killed
    assert "From another desk." in (dist(site) / "blog" / "bench.html").read_text()
    assert "nothing is due" in again.out


# --- a deploy command that writes into the project -------------------------------------------

COUNTS = """\
import pathlib
file = pathlib.Path("content/deployed.json")
count = int(file.read_text()) if file.exists() else 0
file.write_text(str(count + 1))
"""


def a_restless_site(folder: Path) -> Site:
    command = json.dumps([sys.executable, "-c", COUNTS])
    site = an_embargoed_site(folder, more=f"deploy: {{command: {command}}}\n")
    site.run("adopt", "--yes", "--no-build")
    return site


def deployments(site: Site) -> int:
    return int((site.folder / "content" / "deployed.json").read_text())


def test_deploy_command_that_changes_the_project_at_every_run_is_no_endless_loop(
    tmp_path: Path,
) -> None:
    site = a_restless_site(tmp_path)
    for _ in range(2):
        site.run("tick", code=None)

    done = site.run("tick", code=1)
    site.run("tick", code=1)

    assert deployments(site) == 2
    assert "deploy.command changes content/deployed.json in the project" in done.out


def test_edit_beside_a_restless_deploy_command_is_built_at_once(tmp_path: Path) -> None:
    site = a_restless_site(tmp_path)
    for _ in range(3):
        site.run("tick", code=None)
    post = site.folder / "content" / "blog" / "bench.md"
    post.write_text(post.read_text() + "\nA late thought.\n")

    site.run("tick", code=1)

    assert "A late thought." in (dist(site) / "blog" / "bench.html").read_text()


def test_deploy_command_that_changes_nothing_any_more_is_no_trouble(tmp_path: Path) -> None:
    site = a_restless_site(tmp_path)
    for _ in range(3):
        site.run("tick", code=None)
    jobs = site.folder / "jobs.yaml"
    calm = [line for line in jobs.read_text().splitlines() if not line.startswith("deploy:")]
    jobs.write_text("\n".join(calm) + '\ndeploy: {command: ["true"]}\n')

    site.run("release", "door", "--yes")
    done = site.run("tick")

    assert "deploy.command" not in done.out


def test_what_an_author_saves_while_the_command_runs_is_built_by_the_next_tick(
    tmp_path: Path,
) -> None:
    save = "import pathlib\np = pathlib.Path('content/blog/bench.md')\nt = p.read_text()\n"
    save += "'Saved.' in t or p.write_text(t + '\\nSaved.\\n')\n"
    command = json.dumps([sys.executable, "-c", save])
    site = an_embargoed_site(tmp_path, more=f"deploy: {{command: {command}}}\n")
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    site.run("tick")
    again = site.run("tick")

    assert "Saved." in (dist(site) / "blog" / "bench.html").read_text()
    assert "nothing is due" in again.out
