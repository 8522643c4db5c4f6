"""The deploy branch: the staged tree in a history of its own, on a remote that anybody may read."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from publisher.model.errors import GitError, SiteError
from tests.site.repositories import World, a_world
from tests.site.test_git import until_it_gets_through

SECRET = "The butler did it."
STAGED = {
    "blog/a-post.md": "Lorem ipsum dolor.",
    "blog/other.md": "Dolor sit amet.",
    "jobs.yaml": "site: {}\n",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Make a project whose posts hold a secret, and a second, public remote."""
    world = a_world(tmp_path)
    world.commit("blog/a-post.md", SECRET)
    world.commit("blog/other.md", f"{SECRET} Again.")
    world.git("push", "-q")
    world.git("remote", "add", "public", str(world.bare("public.git")))
    return world


@pytest.fixture
def stage(world: World) -> Path:
    """Make a copy of the project as it may be seen."""
    folder = world.site / ".publisher" / "stage" / "tree"
    for name, text in STAGED.items():
        world.write(name, text, at=folder)
    return folder


def deploy(world: World, stage: Path, *posts: str, at: Path | None = None, **how) -> str | None:
    repository = world.open(at, deploy_branch="deploy", deploy_remote=how.pop("remote", "public"))
    return repository.deploy(stage, posts, **how)


def public(world: World) -> Path:
    return world.folder / "public.git"


def cache(world: World) -> Path:
    return world.site / ".git/publisher/deploy.git"


def deployed(world: World, name: str = "deploy") -> dict[str, str]:
    """Give every file of the branch with its text."""
    at = public(world)
    return {
        file: world.git("cat-file", "blob", f"{name}:{file}", at=at)
        for file in world.files(name, at)
    }


def test_the_staged_tree_goes_to_a_branch_of_its_own(world: World, stage: Path) -> None:
    commit = deploy(world, stage, "a-post")

    assert commit == world.tip("deploy", public(world))
    assert deployed(world) == {name: text.rstrip("\n") for name, text in STAGED.items()}
    assert world.git("log", "--format=%an|%B", "deploy", at=public(world)) == (
        "Ada|Release: a-post\n\n- a-post\n\nStaged-by: publisher\n"
    )


def test_no_object_of_the_sources_reaches_the_public_remote(world: World, stage: Path) -> None:
    deploy(world, stage)
    world.write("blog/other.md", "Released.", at=stage)
    deploy(world, stage, "other")
    world.write("blog/a-post.md", f"{SECRET} More.")
    world.open().commit_release({"a-post": "blog/a-post.md"}, ["blog/a-post.md"])
    world.open().push()

    blobs = list(world.blobs(public(world)))

    assert any(b"Released." in blob for blob in blobs)
    assert [blob for blob in blobs if SECRET.encode() in blob] == []
    assert any(SECRET.encode() in blob for blob in world.blobs(world.remote))
    sources = world.git("rev-list", "--all", at=world.remote).split()
    history = world.git("rev-list", "--all", at=public(world)).split()
    assert set(sources) & set(history) == set()


def test_a_branch_beside_the_sources_shares_no_history_with_them(world: World, stage: Path) -> None:
    deploy(world, stage, remote=None)
    world.write("blog/other.md", "Released.", at=stage)
    deploy(world, stage, remote=None)

    assert world.git("rev-list", "--count", "deploy", at=world.remote) == "2"
    assert world.fails("merge-base", "main", "deploy", at=world.remote)
    reachable = world.git("rev-list", "--objects", "--no-object-names", "deploy", at=world.remote)
    texts = [world.git("cat-file", "-p", name, at=world.remote) for name in reachable.split()]
    assert [text for text in texts if SECRET in text] == []


def test_the_sources_and_their_branches_stay_as_they_are(world: World, stage: Path) -> None:
    world.write("idea.md", "an idea")
    world.git("add", "idea.md")
    before = (world.git("for-each-ref"), world.status())

    deploy(world, stage)

    assert (world.git("for-each-ref"), world.status()) == before


def test_the_same_tree_is_not_committed_again(world: World, stage: Path) -> None:
    first = deploy(world, stage, "a-post")

    assert deploy(world, stage, "a-post") is None
    assert world.tip("deploy", public(world)) == first


def test_the_next_tree_goes_on_top_and_forgets_what_is_gone(world: World, stage: Path) -> None:
    first = deploy(world, stage)
    for folder in (stage, world.site):
        shutil.rmtree(folder / "blog")
        world.write("blog", "now a file", at=folder)
    world.git("add", "-A")

    second = deploy(world, stage)

    assert world.git("rev-parse", "deploy^", at=public(world)) == first
    assert world.tip("deploy", public(world)) == second
    assert deployed(world) == {"blog": "now a file", "jobs.yaml": "site: {}"}


def test_what_nobody_should_see_is_left_out(world: World, stage: Path) -> None:
    world.commit(".gitignore", ".publisher/\n*.log\nsecrets/\n.DS_Store\n/dist\n")
    world.write("build.log", "as in the project")
    world.write("secrets/key.pem", "key")
    world.write(".env", "TOKEN=1")  # not even ignored
    world.write("content/index.md", "in the sources")
    hidden = (
        "build.log",
        "secrets/key.pem",
        ".env",
        "node_modules/vue/index.js",
        "theme/node_modules/x.js",
        ".venv/bin/python",
        ".git/config",
        "theme/.git/config",
        "content/dist/index.html",
        ".stage.json",
    )
    for name in (*hidden, ".gitignore", "content/index.md"):
        world.write(name, name, at=stage)

    deploy(world, stage, leave_out=["content/dist", ".stage.json"])

    assert set(deployed(world)) == {*STAGED, ".gitignore", "content/index.md"}


def test_what_gitignore_names_is_there_where_the_site_needs_it(world: World, stage: Path) -> None:
    world.commit(".gitignore", "*.png\n/.publisher\n/new.md\n")
    world.write("images/kept.png", "forced in")
    world.git("add", "-f", "images/kept.png")
    world.write("images/own.png", "not for git")
    placeholder = "images/embargoed-0123456789ab.png"
    for name in ("images/kept.png", "images/own.png", placeholder, "new.md"):
        world.write(name, name, at=stage)
    world.write(".gitignore", "*\n", at=stage)

    deploy(world, stage)

    assert set(deployed(world)) == {*STAGED, ".gitignore", "images/kept.png", placeholder}


def test_of_new_files_only_those_of_the_site_go(world: World, stage: Path) -> None:
    site = ("draft.md", "theme/Card.vue", "data/books.yaml", "images/photo.JPG")
    others = ("publisher.log", "door.md~", "door.md.bak", "door.md.orig", "x.tmp", ".door.md.swp")
    more = ("#door.md#", "notes.txt", "posts.sqlite", "key", ".cache/door.md")
    for name in (*site, *others, *more):
        world.write(name, name)
        world.write(name, name, at=stage)

    deploy(world, stage)

    assert set(deployed(world)) == {*STAGED, *site}


def test_of_what_only_the_stage_has_nothing_goes_but_what_was_made_for_it(
    world: World, stage: Path
) -> None:
    made = ("publisher.json", "src/data/publisher.json", "blog/embargoed-0123456789ab.jpg")
    caches = (".gencache/door.md.html", "resources/_gen/door.html", "cache/door.json", "a.png")
    for name in (*made, *caches, "data/my-publisher.json"):
        world.write(name, name, at=stage)

    deploy(world, stage)

    assert set(deployed(world)) == {*STAGED, *made}


def test_what_goes_is_inspected_first_and_can_be_stopped(world: World, stage: Path) -> None:
    seen: list[Sequence[str]] = []

    def refuse(files: Sequence[str]) -> None:
        seen.append(files)
        raise SiteError("a leak")

    with pytest.raises(SiteError, match="a leak"):
        deploy(world, stage, inspect=refuse)
    nothing = (list(world.blobs(public(world))), list(world.blobs(cache(world))))
    deploy(world, stage, inspect=seen.append)

    assert nothing == ([], [])
    assert seen == [sorted(STAGED)] * 2
    assert set(deployed(world)) == set(STAGED)


def test_links_that_lead_out_are_left_out(world: World, stage: Path) -> None:
    world.write("node_modules/vue/index.js", "x", at=stage)
    world.write("dist/index.html", "x", at=stage)
    targets = {
        "inside.md": "blog/a-post.md",
        "up.md": "../../../blog/a-post.md",
        "absolute.md": str(stage / "jobs.yaml"),
        "chain.md": "up.md",
        "vue": "node_modules/vue",
        "built": "dist",
        "loop": "loop",
    }
    for name, target in targets.items():
        for folder in (stage, world.site):
            (folder / name).symlink_to(target)
    world.git("add", "--", *targets)

    deploy(world, stage, leave_out=["dist"])

    assert set(deployed(world)) == {*STAGED, "inside.md"}
    assert deployed(world)["inside.md"] == "blog/a-post.md"


def test_files_arrive_byte_for_byte(world: World, stage: Path) -> None:
    names = ["two words.md", "-n", "gr\u00fcn \u2603.md", "a\nb.md", 'q".md', "caf\udce9.md"]
    for name in names:
        world.write(name, f"{name}\r\nend", at=stage)
    world.write(".gitattributes", "* text=auto filter=lfs ident\n", at=stage)
    world.write("id.md", "$Id$", at=stage)
    world.write("run.sh", "#!/bin/sh", at=stage).chmod(0o755)
    for name in (*names, ".gitattributes", "id.md", "run.sh"):
        world.write(name, "in the sources")
    world.git("-c", "filter.lfs.required=false", "add", "-A")

    deploy(world, stage)

    found = deployed(world)
    assert {name: found[name] for name in names} == {name: f"{name}\r\nend" for name in names}
    assert found["id.md"] == "$Id$"
    assert world.git("ls-tree", "deploy", "run.sh", at=public(world)).startswith("100755")


def test_files_of_a_submodule_go_along_as_files(world: World, stage: Path) -> None:
    local = ("-c", "protocol.file.allow=always")
    theme = world.bare("theme.git")
    world.git("push", "-q", str(theme), "main")
    world.git(*local, "submodule", "add", "-q", str(theme), "theme")
    world.git("commit", "-qm", "A theme")
    shutil.copytree(world.site / "theme", stage / "theme")

    deploy(world, stage)

    assert deployed(world)["theme/jobs.yaml"] == "site: {}"
    assert "theme/.git" not in deployed(world)


def test_a_project_below_its_repository_is_the_root_of_the_branch(
    world: World, stage: Path
) -> None:
    world.write("docs/.env", "TOKEN=1")
    for name in STAGED:
        world.write(f"docs/{name}", "in the sources")
    world.git("add", "docs/jobs.yaml", "docs/blog")
    world.write(".env", "TOKEN=1", at=stage)

    deploy(world, stage, at=world.site / "docs")

    assert set(deployed(world)) == set(STAGED)


def test_another_machine_builds_upon_what_the_first_deployed(world: World, stage: Path) -> None:
    first = deploy(world, stage)
    second = world.clone("second")
    world.git("remote", "add", "public", str(public(world)), at=second)

    assert deploy(world, stage, at=second) is None
    world.write("blog/other.md", "Released.", at=stage)
    commit = deploy(world, stage, "other", at=second)
    world.write("blog/a-post.md", "Released, too.", at=stage)
    deploy(world, stage, "a-post")

    assert world.git("rev-list", "deploy", at=public(world)).split()[1:] == [commit, first]


def test_a_commit_of_somebody_else_on_the_branch_is_refused(world: World, stage: Path) -> None:
    deploy(world, stage)
    other = world.folder / "other"
    world.git("clone", "-q", "-b", "deploy", str(public(world)), str(other), at=world.folder)
    theirs = world.commit("CNAME", "example.org", at=other)
    world.git("push", "-q", at=other)
    world.write("blog/other.md", "Released.", at=stage)

    with pytest.raises(GitError, match=r"did not make: .* Write CNAME") as caught:
        deploy(world, stage)

    assert "another git.deploy_branch" in caught.value.hint
    assert world.tip("deploy", public(world)) == theirs


def test_a_branch_that_was_there_before_is_never_taken_over(world: World, stage: Path) -> None:
    world.git("push", "-q", "public", "main:deploy")

    with pytest.raises(GitError, match="holds a commit that publisher did not make"):
        deploy(world, stage)

    assert world.tip("deploy", public(world)) == world.head()


@pytest.mark.parametrize("remote", [None, "origin", "again"])
def test_the_branch_of_the_sources_is_refused(
    world: World, stage: Path, remote: str | None
) -> None:
    world.git("remote", "add", "again", str(world.remote))
    repository = world.open(deploy_branch="main", deploy_remote=remote)

    with pytest.raises(GitError, match="main is the branch of the sources"):
        repository.deploy(stage, [])
    with pytest.raises(GitError, match="main is the branch of the sources"):
        repository.check_settings()

    assert world.tip() == world.head()


def test_the_same_name_at_another_remote_is_fine(world: World, stage: Path) -> None:
    repository = world.open(deploy_branch="main", deploy_remote="public")

    repository.check_settings()

    assert repository.deploy(stage, []) == world.tip("main", public(world))


def test_a_remote_may_be_given_by_its_address(world: World, stage: Path) -> None:
    deploy(world, stage, remote=str(public(world)))

    assert set(deployed(world)) == set(STAGED)


@pytest.mark.parametrize("name", ["a..b", "-x y", "end.lock", "a b"])
def test_a_name_that_no_branch_can_have_is_refused(world: World, stage: Path, name: str) -> None:
    with pytest.raises(GitError, match="cannot be the name of a branch"):
        world.open(deploy_branch=name).deploy(stage, [])


def test_an_empty_stage_goes_nowhere(world: World, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    world.write("node_modules/x.js", "x", at=empty)

    with pytest.raises(GitError, match="holds nothing to deploy"):
        deploy(world, empty)


def test_a_remote_that_refuses_is_quoted(world: World, stage: Path) -> None:
    hook = world.write("hooks/update", "#!/bin/sh\necho frozen\nexit 1\n", at=public(world))
    hook.chmod(0o755)

    with pytest.raises(GitError, match="public rejected the deploy branch deploy") as caught:
        deploy(world, stage)

    assert "frozen" in caught.value.why


def test_two_publishers_at_once_make_one_history(world: World, stage: Path) -> None:
    second = world.clone("second")
    world.git("remote", "add", "public", str(public(world)), at=second)
    stages = [world.folder / f"stage-{number}" for number in range(4)]
    for number, folder in enumerate(stages):
        world.write("jobs.yaml", f"{number}", at=folder)

    threads = [
        threading.Thread(target=deploy, args=(world, folder), kwargs={"at": at})
        for folder, at in zip(stages, [world.site, second] * 2, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.git("rev-list", "--count", "deploy", at=public(world)) == "4"
    merges = world.git("rev-list", "--min-parents=2", "deploy", at=public(world))
    assert merges == ""


def test_a_lost_cache_is_made_anew(world: World, stage: Path) -> None:
    first = deploy(world, stage)
    shutil.rmtree(world.site / ".git/publisher")
    world.write("blog/other.md", "Released.", at=stage)

    deploy(world, stage)

    assert world.git("rev-parse", "deploy^", at=public(world)) == first


def test_a_half_made_cache_and_old_locks_do_no_harm(world: World, stage: Path) -> None:
    bare = world.site / ".git/publisher/deploy.git"
    world.write("HEAD", "ref: refs/heads/x\n", at=bare)
    deploy(world, stage)
    for name in ("stage-index.lock", "refs/heads/deploy.lock", "packed-refs.lock"):
        world.write(name, "", at=bare)
    world.write("blog/other.md", "Released.", at=stage)

    assert deploy(world, stage) == world.tip("deploy", public(world))


def test_programs_planted_in_the_cache_do_not_run(world: World, stage: Path) -> None:
    deploy(world, stage)
    bare = world.site / ".git/publisher/deploy.git"
    log = world.folder / "canary.log"
    program = world.write("canary", f"#!/bin/sh\necho $0 >> {log}\n", at=world.folder)
    program.chmod(0o755)
    for name in ("reference-transaction", "pre-push", "post-index-change"):
        shutil.copy(program, world.write(f"hooks/{name}", "", at=bare))
    for key in ("core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand"):
        world.git("config", key, str(program), at=bare)
    world.write("blog/other.md", "Released.", at=stage)

    deploy(world, stage)

    assert not log.exists()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deploy_killed_at_every_command_gets_through(
    world: World, stage: Path, when: str
) -> None:
    deploy(world, stage, remote=None)
    world.write("blog/other.md", "Released.", at=stage)
    work = f'repository.deploy(Path({str(stage)!r}), ["other"])'

    kills = until_it_gets_through(world, work, when)

    assert kills > 5
    assert world.git("log", "--format=%s", "deploy", at=world.remote) == (
        "Release: other\nUpdate the site"
    )
    assert world.git("cat-file", "blob", "deploy:blog/other.md", at=world.remote) == "Released."
