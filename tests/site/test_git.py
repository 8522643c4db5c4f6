"""Git around the sources, with the real program and real repositories on disk."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from publisher.model.errors import GitError
from publisher.site.git import Repository
from publisher.site.git.explain import hide_credentials
from publisher.site.git.remotes import is_on_public_forge
from tests.site.repositories import POST, World, a_world

ROOT = Path(__file__).parents[2]
HOUR_S = 3600
PUBLISHED = POST.format("published")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def a_release(world: World, at: Path | None = None, name: str = "a-post") -> str | None:
    """Flip a post on disk and commit it, as a release does."""
    world.write(f"blog/{name}.md", PUBLISHED, at=at)
    return world.open(at).commit_release({name: f"blog/{name}.md"}, [f"blog/{name}.md"])


# --- pull ------------------------------------------------------------------------------------


def test_pull_brings_commits_and_files(world: World) -> None:
    before = world.head()
    theirs = world.colleague("blog/new.md", "new")

    pulled = world.open().pull()

    assert pulled == (before, theirs)
    assert world.head() == theirs
    assert (world.site / "blog/new.md").read_text() == "new"
    assert world.status() == []
    assert world.git("rev-parse", "origin/main") == theirs


def test_pull_without_news_changes_nothing(world: World) -> None:
    before = world.head()

    assert world.open().pull() == (before, before)


def test_pull_with_commits_of_the_author_that_are_not_pushed_keeps_them(world: World) -> None:
    mine = world.commit("draft.md", "mine")

    assert world.open().pull() == (mine, mine)


def test_pull_leaves_what_the_author_edits_and_stages_elsewhere(world: World) -> None:
    world.colleague("blog/new.md", "new")
    world.write("blog/other.md", "half a sentence")
    world.write("idea.md", "an idea")
    world.git("add", "idea.md")
    world.write("loose.md", "not even added")

    world.open().pull()

    assert world.status() == [" M blog/other.md", "A  idea.md", "?? loose.md"]
    assert (world.site / "blog/other.md").read_text() == "half a sentence"


@pytest.mark.parametrize("is_staged", [False, True])
def test_pull_refuses_to_touch_a_file_that_the_author_edits(world: World, is_staged: bool) -> None:
    before = world.head()
    world.colleague("blog/other.md", "theirs")
    world.write("blog/other.md", "mine")
    if is_staged:
        world.git("add", "blog/other.md")
    status = world.status()

    with pytest.raises(GitError, match=r"blog/other\.md: changed here and") as caught:
        world.open().pull()

    assert "commit it" in caught.value.hint
    assert (world.site / "blog/other.md").read_text() == "mine"
    assert (world.head(), world.status()) == (before, status)


@pytest.mark.parametrize("ignored", ["", "*.txt\n"])
def test_pull_refuses_to_write_over_an_untracked_file(world: World, ignored: str) -> None:
    world.write(".git/info/exclude", ignored)
    world.colleague("notes.txt", "theirs")
    world.write("notes.txt", "mine")

    with pytest.raises(GitError, match=r"notes\.txt"):
        world.open().pull()

    assert (world.site / "notes.txt").read_text() == "mine"


def test_pull_accepts_a_file_that_is_like_the_remotes_already(world: World) -> None:
    theirs = world.colleague("blog/other.md", "the same")
    world.write("blog/other.md", "the same")

    assert world.open().pull().new == theirs
    assert world.status() == []


def test_pull_keeps_what_the_author_staged_alike_and_edited_since(world: World) -> None:
    mine = (world.site / "blog/other.md").read_text()
    theirs = world.colleague("blog/other.md", "theirs")
    world.write("blog/other.md", "theirs")
    world.git("add", "blog/other.md")
    world.write("blog/other.md", mine)

    assert world.open().pull().new == theirs
    assert (world.site / "blog/other.md").read_text() == mine
    assert world.status() == [" M blog/other.md"]


def test_pull_keeps_a_staged_file_in_a_folder_that_the_remote_has_as_a_file(world: World) -> None:
    world.colleague("notes", "a file")
    world.write("notes/mine.md", "mine")
    world.git("add", "notes")

    with pytest.raises(GitError, match=r"notes/mine\.md"):
        world.open().pull()

    assert (world.site / "notes/mine.md").read_text() == "mine"
    assert world.status() == ["A  notes/mine.md"]


@pytest.mark.parametrize("ignored", ["", "other.md\n"])
def test_pull_keeps_a_file_that_is_taken_out_of_the_index_only(world: World, ignored: str) -> None:
    mine = (world.site / "blog/other.md").read_text()
    other = world.clone("other")
    world.git("rm", "-q", "blog/other.md", at=other)
    world.git("commit", "-qm", "Delete", at=other)
    world.git("push", "-q", at=other)
    world.git("rm", "-q", "--cached", "blog/other.md")
    world.write(".git/info/exclude", ignored)

    with pytest.raises(GitError, match=r"blog/other\.md"):
        world.open().pull()

    assert (world.site / "blog/other.md").read_text() == mine


def test_pull_accepts_a_folder_that_took_the_place_of_a_file_here_as_well(world: World) -> None:
    for at in (world.clone("other"), world.site):
        (at / "jobs.yaml").unlink()
        world.write("jobs.yaml/now-a-folder.md", "x", at=at)
    world.git("add", "-A", at=world.folder / "other")
    world.git("commit", "-qm", "Move", at=world.folder / "other")
    world.git("push", "-q", at=world.folder / "other")

    world.open().pull()

    assert world.status() == []


def test_pull_removes_and_renames_what_the_remote_did(world: World) -> None:
    other = world.clone("other")
    world.git("mv", "blog/other.md", "blog/renamed.md", at=other)
    world.git("rm", "-q", "jobs.yaml", at=other)
    world.write("jobs.yaml/now-a-folder.md", "x", at=other)
    world.git("add", "-A", at=other)
    world.git("commit", "-qm", "Move", at=other)
    world.git("push", "-q", at=other)

    world.open().pull()

    assert world.files("HEAD", world.site) == [
        "blog/a-post.md",
        "blog/renamed.md",
        "jobs.yaml/now-a-folder.md",
    ]
    assert world.status() == []


@pytest.mark.parametrize(
    "name", ["two words.md", "-n", "gr\u00fcn \u2603.md", "a\nb.md", 'q"\\.md']
)
def test_any_file_name_is_pulled_and_committed(world: World, name: str) -> None:
    world.colleague(name, "theirs")
    repository = world.open()

    repository.pull()
    world.write(name, "released")
    repository.commit_release({"odd": name}, [name])
    repository.push()

    assert world.git("cat-file", "blob", f"main:{name}", at=world.remote) == "released"
    assert world.status() == []


def test_pull_takes_modes_and_links_along(world: World) -> None:
    other = world.clone("other")
    world.write("run.sh", "#!/bin/sh\n", at=other).chmod(0o755)
    (other / "link.md").symlink_to("blog/a-post.md")
    world.git("add", "-A", at=other)
    world.git("commit", "-qm", "modes", at=other)
    world.git("push", "-q", at=other)

    world.open().pull()

    assert (world.site / "run.sh").stat().st_mode & stat.S_IXUSR
    assert (world.site / "link.md").readlink() == Path("blog/a-post.md")


def test_pull_writes_line_ends_as_the_repository_says(world: World) -> None:
    world.commit(".gitattributes", "*.md text eol=crlf\n")
    world.git("push", "-q")
    world.colleague("blog/new.md", "one\r\ntwo\r\n")

    world.open().pull()

    assert (world.site / "blog/new.md").read_bytes() == b"one\r\ntwo\r\n"
    assert world.git("cat-file", "blob", "main:blog/new.md", at=world.remote) == "one\ntwo"
    assert world.status() == []


def test_pull_says_that_both_sides_went_on(world: World) -> None:
    world.commit("draft.md", "mine")
    theirs = world.colleague("blog/new.md", "new")
    before = world.head()

    with pytest.raises(GitError, match="have diverged") as caught:
        world.open().pull()

    assert "Write draft.md" in caught.value.why
    assert "git pull --rebase" in caught.value.hint
    assert world.head() == before != theirs


def test_pull_puts_a_release_that_was_not_pushed_on_top(world: World) -> None:
    a_release(world)
    theirs = world.colleague("blog/new.md", "new")

    pulled = world.open().pull()

    assert world.git("rev-parse", "HEAD^") == theirs
    assert pulled.new == world.head()
    assert world.status() == []


def test_pull_of_a_detached_head_is_refused(world: World) -> None:
    world.git("checkout", "-q", "--detach")

    with pytest.raises(GitError, match="no branch is checked out"):
        world.open().pull()


def test_pull_of_a_branch_that_the_remote_lacks_is_refused(world: World) -> None:
    world.git("switch", "-qc", "elsewhere")

    with pytest.raises(GitError, match="origin has no branch elsewhere") as caught:
        world.open().pull()

    assert caught.value.hint.endswith("git push -u origin elsewhere")


def test_pull_follows_the_branch_that_is_set_up(world: World) -> None:
    theirs = world.colleague("blog/new.md", "new")
    world.git("branch", "-qm", "local-name")

    assert world.open().pull().new == theirs


def test_a_remote_that_is_not_set_up_is_named(world: World) -> None:
    with pytest.raises(GitError, match="has no remote upstream") as caught:
        world.open(remote="upstream").pull()

    assert "it has origin" in caught.value.why


def test_a_remote_that_is_gone_is_told(world: World) -> None:
    world.remote.rename(world.folder / "elsewhere.git")

    with pytest.raises(GitError, match="does not exist, or this user may not read it"):
        world.open().pull()


def test_no_network_is_told(world: World) -> None:
    world.git("remote", "set-url", "origin", "http://127.0.0.1:9/site.git")

    with pytest.raises(GitError, match="cannot be reached") as caught:
        world.open().pull()

    assert "tries again" in caught.value.hint


@pytest.mark.parametrize(
    ("mark", "name"), [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick")]
)
def test_an_unfinished_merge_is_left_to_its_author(world: World, mark: str, name: str) -> None:
    world.colleague("blog/new.md", "new")
    (world.site / ".git" / mark).write_text(world.head() + "\n")
    repository = world.open()

    with pytest.raises(GitError, match=f"a {name} is not finished"):
        repository.pull()
    with pytest.raises(GitError, match=f"a {name} is not finished"):
        a_release(world)


def test_an_unfinished_rebase_is_left_to_its_author(world: World) -> None:
    world.commit("blog/other.md", "mine")
    world.colleague("blog/other.md", "theirs")
    world.git("fetch", "-q")
    assert world.fails("rebase", "-q", "origin/main")

    with pytest.raises(GitError, match="no branch is checked out"):
        world.open().pull()


def test_a_shallow_clone_is_pulled(world: World) -> None:
    for number in range(3):
        world.colleague("blog/new.md", f"{number}")
    shallow = world.folder / "shallow"
    address = f"file://{world.remote}"
    world.git("clone", "-q", "--depth=1", address, str(shallow), at=world.folder)
    theirs = world.colleague("blog/new.md", "last")

    assert world.open(shallow).pull().new == theirs


def test_an_index_lock_of_a_killed_git_is_named(world: World) -> None:
    world.colleague("blog/new.md", "new")
    lock = world.write(".git/index.lock", "")
    past = lock.stat().st_mtime - HOUR_S
    os.utime(lock, (past, past))

    with pytest.raises(GitError, match=r"index\.lock: .* 60 minutes") as caught:
        world.open().pull()

    assert "remove that file" in caught.value.hint
    assert lock.exists()


def test_a_release_that_waits_for_the_index_ends_when_it_is_told_to(world: World) -> None:
    world.write(".git/index.lock", "")
    world.write("blog/a-post.md", PUBLISHED)
    stop = threading.Event()
    repository = world.open(stop=stop)
    before = world.head()

    threading.Timer(0.5, stop.set).start()
    with pytest.raises(GitError, match="asked to end"):
        repository.commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])

    assert world.head() == before


def test_submodules_are_left_alone(world: World) -> None:
    other = world.clone("other")
    local = ("-c", "protocol.file.allow=always")
    world.git(*local, "submodule", "add", "-q", str(world.remote), "theme", at=other)
    world.git("commit", "-qm", "A theme", at=other)
    world.git("push", "-q", at=other)
    world.open().pull()
    world.git(*local, "submodule", "update", "--init", "-q")
    world.write("theme/blog/a-post.md", "edited in the theme")
    theirs = world.colleague("theme.txt", "x")

    world.open().pull()
    a_release(world)

    assert (world.site / "theme/blog/a-post.md").read_text() == "edited in the theme"
    assert world.git("rev-parse", "HEAD~1") == theirs
    with pytest.raises(GitError, match="inside a submodule"):
        world.open().commit_release({}, ["theme/blog/a-post.md"])


def test_a_second_working_tree_has_its_own_branch_and_index(world: World) -> None:
    tree = world.folder / "tree"
    world.git("worktree", "add", "-q", "-b", "next", str(tree))
    world.git("push", "-q", "-u", "origin", "next", at=tree)

    commit = a_release(world, at=tree)
    world.open(tree).push()

    assert world.tip("next") == commit
    assert world.status() == []
    assert world.status(tree) == []


def test_a_project_in_a_folder_of_its_repository_is_found(world: World) -> None:
    world.write("docs/blog/a-post.md", PUBLISHED)
    repository = world.open(world.site / "docs")

    repository.commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])

    assert "docs/blog/a-post.md" in world.files("HEAD", world.site)
    assert repository.tracked(["blog/a-post.md", "blog/none.md"]) == {"blog/a-post.md"}


# --- a release -------------------------------------------------------------------------------


def test_a_release_is_one_commit_of_its_files(world: World) -> None:
    commit = a_release(world)

    assert commit == world.head()
    assert world.git("show", "--format=%an <%ae>|%cn|%B", "--name-only") == (
        "Ada <ada@example.org>|Ada|Release: a-post\n\n- a-post\n\nReleased-by: publisher\n\n"
        "\nblog/a-post.md"
    )
    assert world.status() == []


def test_a_release_of_several_posts_names_each(world: World) -> None:
    world.write("blog/a-post.md", PUBLISHED)
    (world.site / "blog/other.md").unlink()

    own = {"a-post": "blog/a-post.md", "other": "blog/other.md"}
    world.open().commit_release(own, list(own.values()))

    message = world.git("log", "-1", "--format=%B")
    assert message.startswith("Release 2 posts\n\n- a-post\n- other\n\n")
    assert world.files("HEAD", world.site) == ["blog/a-post.md", "jobs.yaml"]
    assert world.status() == []


def test_a_commit_names_only_posts_whose_own_files_are_in_it(world: World) -> None:
    a_release(world)
    world.write("blog/other.md", PUBLISHED)
    own = {"a-post": "blog/a-post.md", "other": "blog/other.md"}

    world.open().commit_release(own, list(own.values()))

    message = world.git("log", "-1", "--format=%B")
    assert message == "Release: other\n\n- other\n\nReleased-by: publisher\n"


def test_a_withdrawal_is_named_as_one(world: World) -> None:
    a_release(world)
    world.write("blog/a-post.md", POST.format("draft"))
    own = {"a-post": "blog/a-post.md"}

    world.open().commit_release({}, list(own.values()), withdrawn=own)

    message = world.git("log", "-1", "--format=%B")
    assert message == "Withdraw: a-post\n\n- a-post (withdrawn)\n\nReleased-by: publisher\n"
    assert world.status() == []


def test_a_commit_of_a_release_and_withdrawals_says_both(world: World) -> None:
    for name in ("a-post", "b-post"):
        world.commit(f"blog/{name}.md", PUBLISHED)
        world.write(f"blog/{name}.md", POST.format("draft"))
    world.write("blog/other.md", PUBLISHED)
    gone = {name: f"blog/{name}.md" for name in ("a-post", "b-post")}
    own = {"other": "blog/other.md"}

    world.open().commit_release(own, [*own.values(), *gone.values()], withdrawn=gone)

    subject = world.git("log", "-1", "--format=%s")
    assert subject == "Release: other; withdraw 2 posts"


def test_a_release_without_a_change_is_no_commit(world: World) -> None:
    first = a_release(world)

    assert first is not None
    assert a_release(world) is None
    assert world.head() == first


def test_a_release_leaves_other_work_staged_and_edited(world: World) -> None:
    world.write("idea.md", "staged")
    world.git("add", "idea.md")
    world.write("idea.md", "staged, then edited")
    world.write("blog/other.md", "edited")
    world.git("rm", "-q", "--cached", "jobs.yaml")

    a_release(world)

    assert world.status() == [" M blog/other.md", "AM idea.md", "D  jobs.yaml", "?? jobs.yaml"]
    assert world.git("show", ":idea.md") == "staged"
    assert "jobs.yaml" in world.files("HEAD", world.site)


def test_a_release_takes_along_what_was_staged_of_the_same_post(world: World) -> None:
    world.write("blog/a-post.md", "staged earlier")
    world.git("add", "blog/a-post.md")

    a_release(world)

    assert world.status() == []


def test_file_is_given_as_the_branch_has_it_and_not_as_it_is_staged(world: World) -> None:
    before = (world.site / "blog/a-post.md").read_bytes()
    world.write("blog/a-post.md", "edited")
    world.write("blog/new.md", "new")
    world.git("add", "-A")

    repository = world.open()

    assert repository.committed("blog/a-post.md") == before
    assert repository.committed("blog/new.md") is None


def test_a_release_that_is_of_no_post_in_particular_is_an_update(world: World) -> None:
    world.write("blog/a-post.md", PUBLISHED)

    world.open().commit_release({}, ["blog/a-post.md"])

    assert world.git("log", "-1", "--format=%B") == "Update the site\n\nReleased-by: publisher\n"


def test_a_post_that_gitignore_names_stays_out_of_the_repository(world: World) -> None:
    before = world.commit(".gitignore", "blog/[:new]*\n")

    alone = a_release(world, name="new")
    world.write("blog/a-post.md", PUBLISHED)
    own = {"new": "blog/new.md", "a-post": "blog/a-post.md"}
    world.open().commit_release(own, list(own.values()))

    assert alone is None
    assert world.git("rev-parse", "HEAD^") == before
    assert world.git("show", "--format=%s", "--name-only") == "Release: a-post\n\nblog/a-post.md"
    assert world.git("ls-files", "blog/new.md") == ""


def test_a_post_that_gitignore_names_too_late_is_committed(world: World) -> None:
    world.commit(".gitignore", "blog/\n")

    commit = a_release(world)

    assert commit == world.head()
    assert world.git("show", "--format=", "--name-only") == "blog/a-post.md"


def test_a_release_keeps_crlf_text_as_git_would(world: World) -> None:
    world.commit(".gitattributes", "*.md text=auto\n")
    world.write("blog/a-post.md", "one\r\ntwo\r\n")

    world.open().commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])

    assert world.git("cat-file", "blob", "HEAD:blog/a-post.md") == "one\ntwo"
    assert world.status() == []


def test_without_a_name_publisher_signs(world: World) -> None:
    world.write(".gitconfig", "[user]\n\tuseConfigOnly = true\n", at=world.home)

    a_release(world)

    assert world.git("log", "-1", "--format=%an %ae %cn %ce") == (
        "publisher publisher@localhost publisher publisher@localhost"
    )


def test_a_release_on_a_detached_head_is_refused(world: World) -> None:
    world.git("checkout", "-q", "--detach")

    with pytest.raises(GitError, match="no branch is checked out"):
        a_release(world)


def test_a_branch_without_commits_is_refused(tmp_path: Path, world: World) -> None:
    fresh = tmp_path / "fresh"
    world.git("init", "-q", str(fresh), at=tmp_path)

    with pytest.raises(GitError, match="has no commit yet"):
        a_release(world, at=fresh)


def test_a_path_outside_the_repository_is_refused(world: World) -> None:
    world.write("secret.md", "x", at=world.folder)
    (world.site / "out").symlink_to(world.folder)

    with pytest.raises(GitError, match="is not in the repository"):
        world.open().commit_release({}, ["../secret.md"])
    with pytest.raises(GitError, match="is not in the repository"):
        world.open().commit_release({}, ["out/secret.md"])
    with pytest.raises(GitError, match="is a folder"):
        world.open().commit_release({}, ["blog"])


# --- push ------------------------------------------------------------------------------------


def test_push_brings_the_release_to_the_remote(world: World) -> None:
    commit = a_release(world)

    pushed = world.open().push()

    assert pushed == (commit, "")
    assert world.tip() == commit
    assert world.git("rev-parse", "origin/main") == commit


def test_push_makes_a_branch_that_the_remote_lacks(world: World) -> None:
    world.git("switch", "-qc", "next")

    assert world.open().push().commit == world.tip("next")


def test_push_puts_releases_on_top_of_a_remote_that_moved(world: World) -> None:
    a_release(world)
    a_release(world, name="other")
    theirs = world.colleague("blog/new.md", "new")
    world.write("idea.md", "an idea")

    pushed = world.open().push()

    assert (pushed.note, world.tip(), world.head()) == ("", pushed.commit, pushed.commit)
    assert world.git("rev-parse", "HEAD~2") == theirs
    assert world.git("log", "-2", "--format=%s") == "Release: other\nRelease: a-post"
    assert (world.site / "blog/new.md").read_text() == "new"
    assert world.status() == ["?? idea.md"]


def test_push_merges_changes_of_the_same_file(world: World) -> None:
    text = "---\ntitle: A title\nstatus: {}\n---\n\n" + "A line.\n" * 10 + "{}\n"
    world.commit("blog/a-post.md", text.format("scheduled", "An end."))
    world.git("push", "-q")
    world.write("blog/a-post.md", text.format("published", "An end."))
    world.open().commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])
    world.colleague("blog/a-post.md", text.format("scheduled", "Another end."))

    world.open().push()

    merged = world.git("cat-file", "blob", "main:blog/a-post.md", at=world.remote)
    assert merged + "\n" == text.format("published", "Another end.")


def test_push_of_what_the_remote_did_by_itself_makes_no_commit(world: World) -> None:
    a_release(world)
    theirs = world.colleague("blog/a-post.md", PUBLISHED)

    assert world.open().push() == (theirs, "")
    assert world.head() == world.tip() == theirs


def test_a_conflict_leaves_both_sides_as_they_were(world: World) -> None:
    a_release(world)
    theirs = world.colleague("blog/a-post.md", POST.format("draft"))
    world.write("idea.md", "an idea")
    before = world.head()

    with pytest.raises(GitError, match=r"conflict in blog/a-post\.md") as caught:
        world.open().push()

    assert "'Release: a-post'" in caught.value.why
    assert "git pull --rebase" in caught.value.hint
    assert (world.head(), world.tip()) == (before, theirs)
    assert world.status() == ["?? idea.md"]
    assert (world.site / "blog/a-post.md").read_text() == PUBLISHED


def test_commits_of_the_author_are_never_rewritten(world: World) -> None:
    mine = world.commit("draft.md", "mine")
    a_release(world)
    theirs = world.colleague("blog/new.md", "new")

    with pytest.raises(GitError, match=r"not made by publisher: .* Write draft") as caught:
        world.open().push()

    assert "git pull --rebase" in caught.value.hint
    assert world.git("rev-parse", "HEAD^") == mine
    assert world.tip() == theirs


def test_a_release_reaches_the_remote_though_the_author_edits_what_came(world: World) -> None:
    a_release(world)
    theirs = world.colleague("blog/other.md", "theirs")
    world.write("blog/other.md", "mine")
    before = world.head()

    pushed = world.open().push()

    assert "blog/other.md: changed here" in pushed.note
    assert world.tip() == pushed.commit
    assert world.git("rev-parse", "main^", at=world.remote) == theirs
    assert (world.head(), (world.site / "blog/other.md").read_text()) == (before, "mine")
    world.git("stash", "-q")
    assert world.open().pull().new == pushed.commit


def test_a_remote_that_refuses_is_quoted(world: World) -> None:
    hook = world.write("hooks/pre-receive", "#!/bin/sh\necho the branch is protected\nexit 1\n")
    hook.rename(world.remote / "hooks" / "pre-receive")
    (world.remote / "hooks" / "pre-receive").chmod(0o755)
    a_release(world)

    with pytest.raises(GitError, match="origin rejected the branch main") as caught:
        world.open().push()

    assert "the branch is protected" in caught.value.why


def test_a_remote_that_moves_again_and_again_is_given_up_after_five_tries(world: World) -> None:
    a_release(world)
    other = world.clone("busy")
    hook = f"""#!/bin/sh
        cd {other} && unset $(git rev-parse --local-env-vars)
        git commit -q --allow-empty -m busy
        cd {world.remote} && git fetch -q {other} main && git update-ref refs/heads/main FETCH_HEAD
        """
    world.write("hooks/update", hook, at=world.remote).chmod(0o755)
    before = world.head()

    with pytest.raises(GitError, match="changed during each of 5 tries"):
        world.open().push()

    assert world.head() == before
    assert world.git("rev-list", "--count", "main", at=world.remote) == "6"


def test_two_publishers_of_two_clones_both_get_through(world: World) -> None:
    second = world.clone("second")
    a_release(world, name="a-post")
    a_release(world, at=second, name="other")

    pushes = [threading.Thread(target=world.open(at).push) for at in (world.site, second)]
    for push in pushes:
        push.start()
    for push in pushes:
        push.join()

    assert world.git("rev-list", "--count", "main", at=world.remote) == "3"
    text = world.git("grep", "-c", "published", "main", "--", "blog", at=world.remote)
    assert text == "main:blog/a-post.md:1\nmain:blog/other.md:1"


def test_two_publishers_of_one_clone_wait_for_one_another(world: World) -> None:
    names = [f"post-{number}" for number in range(6)]
    for name in names:
        world.write(f"blog/{name}.md", PUBLISHED)

    def release(name: str) -> None:
        repository = world.open()
        repository.commit_release({name: f"blog/{name}.md"}, [f"blog/{name}.md"])
        repository.push()

    threads = [threading.Thread(target=release, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.git("rev-list", "--count", "main", at=world.remote) == "7"
    assert world.head() == world.tip()
    assert world.status() == []


# --- kills -----------------------------------------------------------------------------------

KILLER = """#!/bin/sh
printf . >> '{counter}'
[ "$(wc -c < '{counter}')" -eq "$KILL_AT" ] || exec '{real}' "$@"
[ "$KILL_WHEN" = before ] || '{real}' "$@"
kill -9 $PPID
"""
WORK = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from publisher.site.git import Repository
from publisher.config.settings import GitSettings
import os
repository = Repository.open(
    Path({site!r}), GitSettings(deploy_branch="deploy"), environ=dict(os.environ)
)
{work}
"""
RELEASE = (
    'repository.commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"]); repository.push()'
)


def until_it_gets_through(world: World, work: str, when: str) -> int:
    """Do the work in processes of which each is killed some git commands later than the last.

    Returns how many were killed before one was not.
    """
    programs = world.folder / "programs"
    counter = world.folder / "counter"
    real = shutil.which("git", path=world.environ["PATH"])
    killer = KILLER.format(counter=counter, real=real)
    world.write("git", killer, at=programs).chmod(0o755)
    script = WORK.format(root=str(ROOT), site=str(world.site), work=work)
    for number, at in enumerate(range(1, 200, 3)):
        counter.unlink(missing_ok=True)
        environ = {
            **world.environ,
            "PATH": f"{programs}:{world.environ['PATH']}",
            "KILL_AT": str(at),
            "KILL_WHEN": when,
        }
        done = subprocess.run(
            [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0, done.stderr
            return number
    raise AssertionError("never got through")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_release_killed_at_every_command_gets_through(world: World, when: str) -> None:
    world.write("blog/a-post.md", PUBLISHED)
    world.write("blog/other.md", "edited")
    world.write("idea.md", "staged")
    world.git("add", "idea.md")
    world.colleague("blog/new.md", "new")
    world.colleague("jobs.yaml", "site: {name: x}\n")

    kills = until_it_gets_through(world, RELEASE, when)

    assert kills > 10
    assert world.git("log", "--format=%s", "main", at=world.remote).splitlines() == [
        "Release: a-post",
        "Write jobs.yaml",
        "Write blog/new.md",
        "Begin",
    ]
    assert world.head() == world.tip()
    assert world.status() == [" M blog/other.md", "A  idea.md"]
    world.git("fsck", "--strict")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pull_killed_at_every_command_gets_through(world: World, when: str) -> None:
    world.write("blog/other.md", "edited")
    world.colleague("blog/new.md", "new")
    theirs = world.colleague("blog/a-post.md", PUBLISHED)

    kills = until_it_gets_through(world, "repository.pull()", when)

    assert kills > 5
    assert world.head() == theirs
    assert world.status() == [" M blog/other.md"]


def test_a_pull_says_that_something_came_before_the_first_file(world: World) -> None:
    before = world.head()
    seen: list[tuple[str, bool]] = []

    def look(*_: object) -> None:
        seen.append((world.head(), (world.site / "blog" / "new.md").exists()))

    world.open().pull(before_move=look)
    world.colleague("blog/new.md", "new")
    world.open().pull(before_move=look)

    assert seen == [(before, False)]


def test_a_push_says_that_commits_of_others_come_with_it(world: World) -> None:
    seen: list[bool] = []

    def look(*_: object) -> None:
        seen.append((world.site / "blog" / "new.md").exists())

    repository = world.open()
    world.write("blog/a-post.md", PUBLISHED)
    repository.commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])
    repository.push(before_move=look)
    world.colleague("blog/new.md", "new")
    world.write("blog/other.md", PUBLISHED)
    repository.commit_release({"other": "blog/other.md"}, ["blog/other.md"])
    repository.push(before_move=look)

    assert seen == [False]
    assert (world.site / "blog" / "new.md").exists()


def test_files_of_a_pull_that_was_cut_off_are_written_to_their_end(world: World) -> None:
    """A kill in the middle of a file leaves its beginning; and the remote has moved on since."""
    before = world.head()
    world.colleague("blog/a-post.md", PUBLISHED)
    world.colleague("blog/new.md", "a longer text\n")
    middle = world.colleague("blog/third.md", "third\n")
    theirs = world.colleague("blog/a-post.md", "and again\n")
    world.git("fetch", "-q")
    world.write("blog/a-post.md", PUBLISHED[:20])
    world.write("blog/new.md", "a longer text\n")
    world.write(".git/publisher/move", f"{before}\n{middle}\nrefs/heads/main\n")

    assert world.open().pull() == (middle, theirs)
    assert world.status() == []


def test_release_goes_on_though_the_author_edits_what_a_killed_pull_began(world: World) -> None:
    theirs = world.colleague("jobs.yaml", "site: {name: theirs}\n")
    world.colleague("blog/other.md", "a longer text\n")
    world.git("fetch", "-q")
    world.write("blog/other.md", "a lon")
    world.write("jobs.yaml", "site: {name: mine}\n")
    move = f"{world.head()}\n{world.tip()}\nrefs/heads/main\n"
    world.write(".git/publisher/move", move)

    with pytest.raises(GitError, match=r"jobs\.yaml"):
        world.open().pull()

    assert (world.site / "blog/other.md").read_text() == "a lon"
    assert a_release(world) == world.head() != theirs
    assert (world.site / "jobs.yaml").read_text() == "site: {name: mine}\n"


def test_locks_that_a_killed_publisher_left_are_taken_over(world: World) -> None:
    a_release(world)
    after = world.head()
    lock = world.site / ".git/index.lock"
    lock.hardlink_to(world.site / ".git/publisher/index-lock")
    world.write(".git/publisher/move", f"{after}\n{after}\nrefs/heads/main\n")
    world.write(".git/refs/heads/main.lock", f"{after}\n")
    world.write(".git/HEAD.lock", "")

    assert a_release(world, name="other") == world.head()
    assert world.status() == []


# --- programs that a repository supplies ------------------------------------------------------

HOOKS = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
]
ALIASES = [
    "cat-file",
    "check-attr",
    "commit-tree",
    "config",
    "diff-tree",
    "fetch",
    "gc",
    "hash-object",
    "ls-files",
    "ls-remote",
    "merge-base",
    "merge-tree",
    "push",
    "read-tree",
    "remote",
    "rev-list",
    "rev-parse",
    "symbolic-ref",
    "update-index",
    "update-ref",
    "version",
    "write-tree",
]
PROGRAMS = [
    "core.fsmonitor",
    "core.sshCommand",
    "core.editor",
    "core.pager",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "sequence.editor",
    "diff.external",
    "diff.evil.command",
    "diff.evil.textconv",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "merge.evil.driver",
    "gpg.program",
    "gpg.ssh.program",
    "gpg.ssh.defaultKeyCommand",
    "gpg.openpgp.program",
    "gpg.x509.program",
    "credential.helper",
    "credential.http://127.0.0.1.helper",
    "remote.origin.uploadpack",
    "remote.origin.receivepack",
    "uploadpack.packObjectsHook",
    "hook.evil.command",
    "trailer.evil.command",
    "trailer.evil.cmd",
    "interactive.diffFilter",
    "gc.recentObjectsHook",
    "pager.log",
    "pager.config",
    "pager.diff",
    "difftool.evil.cmd",
    "mergetool.evil.cmd",
    "web.browser",
    "browser.evil.cmd",
    "man.evil.cmd",
    "sendemail.smtpServer",
    "submodule.theme.update",
    "receive.procReceiveRefs",
    "init.templateDir",
]
SWITCHES = {
    "commit.gpgSign": "true",
    "push.gpgSign": "if-asked",
    "tag.gpgSign": "true",
    "log.showSignature": "true",
    "merge.verifySignatures": "true",
    "filter.evil.required": "true",
    "hook.evil.event": "reference-transaction",
    "hook.evil.enabled": "true",
    "submodule.recurse": "true",
    "push.recurseSubmodules": "on-demand",
    "fetch.recurseSubmodules": "true",
    "protocol.ext.allow": "always",
    "protocol.allow": "always",
    "extensions.worktreeConfig": "true",
    "remote.origin.mirror": "true",
    "gc.auto": "1",
    "maintenance.auto": "true",
    "core.splitIndex": "true",
}


@pytest.fixture
def canary(world: World) -> Path:
    """Plant a program wherever a repository can name one; it writes down what ran it."""
    log = world.folder / "canary.log"
    program = world.write("canary", f'#!/bin/sh\necho "$0 $*" >> "{log}"\n', at=world.folder)
    program.chmod(0o755)
    for folder in (world.site / ".git" / "hooks", world.site / "my-hooks"):
        for name in HOOKS:
            hook = world.write(name, f"#!/bin/sh\n{program} hook {name}\n", at=folder)
            hook.chmod(0o755)
    for name in PROGRAMS:  # some are words for a shell, others the name of a file
        own = world.folder / "canaries" / name.replace("/", "-")
        own.parent.mkdir(exist_ok=True)
        own.symlink_to(program)
        world.git("config", name, str(own))
    for name in ALIASES:
        world.git("config", f"alias.{name}", f"!{program} alias {name}")
    for name, value in SWITCHES.items():
        world.git("config", name, value)
    included = world.write(".git/more", f"[core]\n\thooksPath = {world.site}/my-hooks\n")
    world.git("config", "include.path", str(included))
    world.write(".git/config.worktree", f"[core]\n\tfsmonitor = {program} worktree\n")
    world.write(".git/info/attributes", "* diff=evil merge=evil\nimages/** filter=evil\n")
    alternate = world.folder / "origin.git" / "objects"
    world.write(".git/objects/info/alternates", f"{alternate}\n")
    return log


def the_submodule_is_armed(world: World) -> None:
    """Add a submodule whose own settings name a program, and change a file in it."""
    local = ("-c", "protocol.file.allow=always", "-c", "core.hooksPath=/dev/null")
    world.git(*local, "submodule", "add", "-q", str(world.remote), "theme")
    world.git(*local, "commit", "-qm", "A theme")
    world.git(*local, "push", "-q")
    program = world.folder / "canary"
    world.git("config", "core.fsmonitor", f"{program} in submodule", at=world.site / "theme")
    world.write("theme/jobs.yaml", "changed")


def test_no_program_of_the_repository_ever_runs(world: World, request) -> None:
    the_submodule_is_armed(world)
    world.write("images/a.png", "pixels")
    world.git("add", "images")
    world.git("commit", "-qm", "An image")
    world.git("push", "-q")
    log = request.getfixturevalue("canary")
    os.utime(world.site / "images/a.png", (1, 1))  # so that git looks into it again
    theirs = world.colleague("blog/new.md", "new")
    stage = world.folder / "stage"
    world.write("jobs.yaml", "staged", at=stage)
    world.write(".gitattributes", "* filter=evil diff=evil merge=evil\n", at=stage)
    repository = world.open(deploy_branch="deploy")

    pulled = repository.pull()
    a_release(world)
    world.colleague("blog/newer.md", "newer")
    pushed = repository.push()
    deployed = repository.deploy(stage, ["a-post"])
    repository.tracked(["blog/a-post.md"])
    repository.public_remotes()

    assert not log.exists(), log.read_text()
    assert (pulled.new, pushed.commit, deployed) == (theirs, world.head(), world.tip("deploy"))


def test_git_by_itself_would_run_them(world: World, canary: Path) -> None:
    """Otherwise the test above could not fail."""
    world.write("blog/a-post.md", PUBLISHED)

    world.fails("commit", "-aqm", "by hand")

    ran = canary.read_text()

    assert "worktree" in ran  # core.fsmonitor of config.worktree
    assert "hook pre-commit" in ran  # core.hooksPath of the included file


@pytest.mark.usefixtures("canary")
def test_a_merge_driver_of_the_repository_is_a_conflict(world: World) -> None:
    a_release(world)
    world.colleague("blog/a-post.md", POST.format("draft"))

    with pytest.raises(GitError, match=r"conflict in blog/a-post\.md"):
        world.open().push()

    assert not (world.folder / "canary.log").exists()


@pytest.mark.usefixtures("canary")
def test_a_filter_is_not_run_and_its_files_are_left_to_a_person(world: World) -> None:
    world.colleague("images/a.png", "pixels")
    before = world.head()

    with pytest.raises(GitError, match=r"images/a\.png: uses the git filter evil") as caught:
        world.open().pull()
    world.write("images/b.png", "pixels")
    with pytest.raises(GitError, match="uses the git filter evil"):
        world.open().commit_release({}, ["images/b.png"])

    assert "by hand" in caught.value.hint
    assert world.head() == before
    assert not (world.folder / "canary.log").exists()


def test_pointers_of_git_lfs_are_files_where_it_is_not_installed(world: World) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 6\n"
    world.commit(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n")
    world.git("push", "-q")
    world.colleague("a.png", pointer)

    world.open().pull()

    assert (world.site / "a.png").read_text() == pointer


@pytest.mark.parametrize("address", ["ext::sh -c {canary}", "fd::17", "git://127.0.0.1/x.git"])
def test_transports_that_run_programs_are_refused(world: World, canary: Path, address: str) -> None:
    program = world.folder / "canary"
    world.git("remote", "set-url", "origin", address.format(canary=program))

    with pytest.raises(GitError, match="transport that is switched off"):
        world.open().pull()

    assert not canary.exists()


def test_a_remote_helper_that_the_repository_names_is_refused(world: World, canary: Path) -> None:
    world.git("config", "remote.origin.vcs", "evil")

    with pytest.raises(GitError, match="switched off"):
        world.open().pull()

    assert not canary.exists()


@pytest.mark.usefixtures("canary")
def test_ssh_is_run_as_the_user_says_and_not_the_repository(world: World) -> None:
    mine = world.write("my-ssh", f'#!/bin/sh\necho "$@" > {world.folder}/ssh.log\n', world.folder)
    mine.chmod(0o755)
    world.git("config", "--global", "core.sshCommand", str(mine))
    world.git("remote", "set-url", "origin", "git@example.org:site.git")

    with pytest.raises(GitError):
        world.open().pull()

    assert "git@example.org" in (world.folder / "ssh.log").read_text()
    assert not (world.folder / "canary.log").exists()


def test_hooks_of_a_remote_inside_the_sources_do_not_run(world: World) -> None:
    inside = world.site / "evil.git"
    world.git("clone", "-q", "--bare", str(world.remote), str(inside), at=world.folder)
    log = world.folder / "canary.log"
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        world.write(f"hooks/{name}", f"#!/bin/sh\necho {name} >> {log}\n", at=inside).chmod(0o755)
    world.git("remote", "set-url", "origin", "./evil.git")
    commit = a_release(world)

    world.open().push()

    assert world.tip(at=inside) == commit
    assert not log.exists()


def test_a_folder_that_looks_like_a_repository_is_none(world: World) -> None:
    inside = world.site / "evil"
    world.git("clone", "-q", "--bare", str(world.remote), str(inside), at=world.folder)
    world.git("config", "core.bare", "false", at=inside)
    world.git("config", "core.worktree", str(world.site), at=inside)

    with pytest.raises(GitError):
        world.open(inside)


def test_files_elsewhere_are_not_touched_for_the_repository(world: World) -> None:
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    world.git("config", "core.worktree", str(elsewhere))

    with pytest.raises(GitError, match=r"files elsewhere|working tree"):
        world.open()


# --- who may do what -------------------------------------------------------------------------


class _Door(BaseHTTPRequestHandler):
    """Lets nobody in, and keeps what was shown."""

    shown: list[str]

    def do_GET(self) -> None:
        self.shown.append(self.headers.get("Authorization", ""))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[ThreadingHTTPServer]:
    handler = type("Door", (_Door,), {"shown": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_nobody_is_asked_for_a_password(world: World, canary: Path, door) -> None:
    world.git("remote", "set-url", "origin", f"http://127.0.0.1:{door.server_port}/site.git")

    with pytest.raises(GitError, match="access to the remote was denied") as caught:
        world.open().pull()

    assert "credential.helper" in caught.value.hint
    assert "repository sets them" in caught.value.hint
    assert not canary.exists()


def test_the_credential_helper_of_the_user_is_asked(world: World, canary: Path, door) -> None:
    helper = "!f() { echo username=ada; echo password=$MY_TOKEN; }; f"
    world.git("config", "--global", "credential.helper", helper)
    world.git("remote", "set-url", "origin", f"http://127.0.0.1:{door.server_port}/site.git")
    environ = {**world.environ, "MY_TOKEN": "s3cret"}

    with pytest.raises(GitError) as caught:
        Repository.open(world.site, world.open().settings, environ=environ).pull()

    wanted = "Basic " + b64encode(b"ada:s3cret").decode()
    assert wanted in door.RequestHandlerClass.shown
    assert "s3cret" not in str(caught.value)
    assert not canary.exists()


def test_a_token_in_an_address_is_never_shown(world: World, door) -> None:
    address = f"http://ada:t0ken@127.0.0.1:{door.server_port}/site.git"
    world.git("remote", "set-url", "origin", address)

    with pytest.raises(GitError) as pulling:
        world.open().pull()
    with pytest.raises(GitError) as pushing:
        world.open().push()
    with pytest.raises(GitError) as directly:
        world.open(remote=address).pull()

    told = f"{pulling.value}{pushing.value}{directly.value}"
    assert "127.0.0.1" in told
    assert "t0ken" not in told


def test_credentials_are_taken_out_of_texts() -> None:
    text = "fatal: https://ada:p%40ss@host/x.git and ssh://git@host/y and git@host:z failed"

    assert hide_credentials(text) == (
        "fatal: https://host/x.git and ssh://host/y and git@host:z failed"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_refused_in_words(world: World) -> None:
    for path in (world.site, world.site / ".git"):
        os.chown(path, 65534, 65534)

    with pytest.raises(GitError, match="belongs to another user") as caught:
        world.open()

    assert f"safe.directory {world.site}" in caught.value.hint


def test_no_repository_is_told(tmp_path: Path) -> None:
    world = World(tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})  # noqa: TID251

    with pytest.raises(GitError, match="no git repository with a working tree") as caught:
        world.open(tmp_path)

    assert "git init" in caught.value.hint


def test_no_git_is_told(world: World) -> None:
    with pytest.raises(GitError, match="program git is not installed"):
        Repository.open(world.site, world.open().settings, environ={"PATH": "/nowhere"})


def test_an_old_git_is_refused(world: World) -> None:
    world.write("git", "#!/bin/sh\n[ $2 = config ] || echo git version 2.30.2\n", world.folder)
    (world.folder / "git").chmod(0o755)
    environ = {**world.environ, "PATH": f"{world.folder}:{world.environ['PATH']}"}

    with pytest.raises(GitError, match=r"2\.30\.2' is too old"):
        Repository.open(world.site, world.open().settings, environ=environ)


def test_an_environment_that_names_another_repository_is_not_followed(world: World) -> None:
    environ = {
        **world.environ,
        "GIT_DIR": str(world.remote),
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_TRACE": "1",
        "GIT_CONFIG_PARAMETERS": "'user.name=Eve'",
    }

    repository = Repository.open(world.site, world.open().settings, environ=environ)

    assert repository.top == world.site


def test_a_git_that_hangs_is_stopped(world: World) -> None:
    stop = threading.Event()
    real = world.environ["PATH"]
    hang = '#!/bin/sh\n[ "$2" = ls-remote ] && exec sleep 60\nPATH={} exec git "$@"\n'
    world.write("git", hang.format(real), world.folder).chmod(0o755)
    environ = {**world.environ, "PATH": f"{world.folder}:{real}"}
    repository = Repository.open(world.site, world.open().settings, environ=environ, stop=stop)

    threading.Timer(0.5, stop.set).start()
    with pytest.raises(GitError, match="git ls-remote` was stopped: publisher was asked to end"):
        repository.pull()


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("https://github.com/ada/site.git", True),
        ("https://token@GitHub.com/ada/site", True),
        ("git@github.com:ada/site.git", True),
        ("ssh://git@ssh.github.com:443/ada/site.git", True),
        ("git@codeberg.org:ada/site", True),
        ("https://gitlab.com/ada/site", True),
        ("https://git.example.org/site.git", False),
        ("/srv/github.com/site.git", False),
        ("../github.com:x/site.git", False),
        ("file:///srv/site.git", False),
        ("ada@server:github.com/site.git", False),
    ],
)
def test_public_forges_are_known_by_their_host(address: str, is_public: bool) -> None:
    assert is_on_public_forge(address) is is_public
