"""Flipping a post: what changes, what stays, and what survives a crash or a full disk."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from publisher.generators import GENERATORS
from publisher.model import Post, PostState
from publisher.model.errors import PostError
from publisher.posts.flip import set_state
from publisher.posts.library import Library
from publisher.system.files import read_file, replace_file
from tests.posts.sites import a_library, a_text, the_post, write

SEEDS = Path(__file__).parents[1] / "data" / "seeds"
PARTS = ("stalactite", "workflow", "collective")
BLOCK = "<PostPreview blurred>\n  <RevealStamp />\n\n  Text.\n</PostPreview>\n"
OPEN_BLOCK = "<PostPreview revealed>\n\n  Text.\n</PostPreview>\n"


def contents(project: Path) -> dict[str, bytes]:
    """Give every file of the site, hidden ones too."""
    return {
        str(file.relative_to(project)): file.read_bytes()
        for file in sorted((project / "content").rglob("*"))
        if file.is_file()
    }


def a_post_to_flip(project: Path, text: str | None = None) -> tuple[Library, Post, Path]:
    file = write(project, "blog/a.md", text or a_text())
    library = a_library(project)
    return library, the_post(library.scan()), file


LOOKALIKES = """---
x: [{{status: scheduled}}, "status: scheduled"]
t: |
  status: scheduled
# status: scheduled
status: {}
u: 'status: scheduled'
---
status: scheduled
"""


# --- the state -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generator", "before", "after"),
    [
        ("vitepress", "---\nstatus: scheduled # x\n---\n", "---\nstatus: published # x\n---\n"),
        ("vitepress", "---\nstatus:   'draft'  \n---\n", "---\nstatus:   'published'  \n---\n"),
        ("vitepress", '---\n"status" : "scheduled"\n---\n', '---\n"status" : "published"\n---\n'),
        ("vitepress", "---\n{a: 1, status: draft}\n---\n", "---\n{a: 1, status: published}\n---\n"),
        ("vitepress", "---\nstatus:\n  scheduled\n---\n", "---\nstatus:\n  published\n---\n"),
        ("vitepress", "---\n? status\n: scheduled\n---\n", "---\n? status\n: published\n---\n"),
        ("vitepress", LOOKALIKES.format("scheduled"), LOOKALIKES.format("published")),
        ("vitepress", '+++\nstatus = "scheduled"\n+++\n', '+++\nstatus = "published"\n+++\n'),
        ("vitepress", "+++\nstatus='scheduled'\n+++\n", "+++\nstatus='published'\n+++\n"),
        (
            "vitepress",
            "+++\nstatus = '''scheduled'''\n[x]\nstatus = 'scheduled'\n+++\n",
            "+++\nstatus = '''published'''\n[x]\nstatus = 'scheduled'\n+++\n",
        ),
        ("vitepress", '{"status": "scheduled"}\n', '{"status": "published"}\n'),
        (
            "vitepress",
            '{\n"x": {"status": "draft"},\n"status":"draft"\n}\n',
            '{\n"x": {"status": "draft"},\n"status":"published"\n}\n',
        ),
        ("hugo", "---\ndraft: true\n---\n", "---\ndraft: false\n---\n"),
        ("hugo", "---\ndraft: True\n---\n", "---\ndraft: False\n---\n"),
        ("hugo", "+++\ndraft=true # x\n+++\n", "+++\ndraft=false # x\n+++\n"),
        ("hugo", '{"draft": true}\n', '{"draft": false}\n'),
        ("jekyll", "---\npublished: FALSE\n---\n", "---\npublished: TRUE\n---\n"),
    ],
)
def test_only_the_value_of_the_state_changes(generator: str, before: str, after: str) -> None:
    flipped = set_state(before.encode(), GENERATORS[generator], PostState.PUBLISHED, "a.md")

    assert flipped.decode() == after


@pytest.mark.parametrize("text", ["---\ntitle: A\n---\n", "---\nstatus: published\n---\n"])
def test_what_is_published_stays_as_it_is(text: str) -> None:
    flipped = set_state(text.encode(), GENERATORS["vitepress"], PostState.PUBLISHED, "a.md")

    assert flipped == text.encode()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('---\nstatus: "sched\\u0075led"\n---\n', "a.md:2: cannot set status to published"),
        ('---\n"st\\u0061tus": scheduled\n---\n', "a.md:2: cannot set status to published"),
        ("---\nstatus: >-\n  scheduled\n---\n", "a.md:2: cannot set status to published"),
        ("---\nstatus: # why\n  scheduled\n---\n", "a.md:2: cannot set status to published"),
    ],
)
def test_a_state_written_in_an_unusual_way_is_refused_with_advice(text: str, what: str) -> None:
    with pytest.raises(PostError) as error:
        set_state(text.encode(), GENERATORS["vitepress"], PostState.PUBLISHED, "a.md")

    assert error.value.what == what
    assert error.value.hint == "write it on a line of its own: status: published"


@pytest.mark.parametrize(
    ("generator", "before", "after"),
    [
        ("vitepress", "---\ntitle: A\n---\nX\n", "---\ntitle: A\nstatus: draft\n---\nX\n"),
        ("hugo", "---\r\ntitle: A\r\n---\r\n", "---\r\ntitle: A\r\ndraft: true\r\n---\r\n"),
        ("hugo", "---\na: |\n  b\n---\n", "---\na: |\n  b\ndraft: true\n---\n"),
        ("hugo", "+++\na = 1\n[b]\nc = 2\n+++\n", "+++\ndraft = true\na = 1\n[b]\nc = 2\n+++\n"),
        ("hugo", '{"a": 1}\nX\n', '{\n  "draft": true,"a": 1}\nX\n'),
        ("pelican", "+++\na = 1\n+++\n", '+++\nstatus = "draft"\na = 1\n+++\n'),
    ],
)
def test_a_state_that_is_left_to_the_generator_gets_a_line(
    generator: str, before: str, after: str
) -> None:
    flipped = set_state(before.encode(), GENERATORS[generator], PostState.DRAFT, "a.md")

    assert flipped.decode() == after


def test_a_post_without_frontmatter_cannot_be_made_a_draft() -> None:
    with pytest.raises(PostError, match="status has no such key"):
        set_state(b"Words.\n", GENERATORS["vitepress"], PostState.DRAFT, "a.md")


def test_many_lookalikes_are_given_up_on_quickly() -> None:
    text = "---\nx: |\n" + "  status: draft\n" * 3000 + "status: draft\n---\n"

    with pytest.raises(PostError, match="cannot set status to published"):
        set_state(text.encode(), GENERATORS["vitepress"], PostState.PUBLISHED, "a.md")


# --- the files -------------------------------------------------------------------------------


def test_a_flip_writes_the_post_and_says_so(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path)

    result = library.flip(post)

    assert file.read_text() == a_text(state="status: published")
    assert result.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert result.changed == ("content/blog/a.md",)
    assert library.scan().posts[0].state is PostState.PUBLISHED


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755, 0o444])
def test_permissions_stay(tmp_path: Path, mode: int) -> None:
    library, post, file = a_post_to_flip(tmp_path)
    file.chmod(mode)

    library.flip(library.scan().posts[0])

    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert "published" in file.read_text()
    assert post.state is PostState.SCHEDULED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    library, _, file = a_post_to_flip(tmp_path)
    os.chown(file, 65534, 65534)

    library.flip(library.scan().posts[0])

    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)


def test_flipping_again_changes_nothing(tmp_path: Path) -> None:
    library, post, _ = a_post_to_flip(tmp_path)
    first = library.flip(post)
    before = contents(tmp_path)

    again = library.flip(post)
    fresh = a_library(tmp_path).flip(library.scan().posts[0])

    assert again.digest == fresh.digest == first.digest
    assert again.changed == fresh.changed == ()
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "edit",
    [
        a_text("title: Other"),
        a_text("title: Other", state="status: published"),
        a_text(state="status: draft"),
    ],
)
def test_a_post_that_was_edited_is_read_again_first(tmp_path: Path, edit: str) -> None:
    library, post, file = a_post_to_flip(tmp_path)
    file.write_text(edit)

    with pytest.raises(PostError, match="changed since it was read"):
        library.flip(post)

    assert file.read_text() == edit
    library.flip(library.scan().posts[0])
    assert "status: published" in file.read_text()


def test_a_post_that_became_a_link_is_not_written(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path)
    elsewhere = tmp_path / "elsewhere.md"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)

    with pytest.raises(PostError, match=r"content/blog/a\.md: cannot be read"):
        library.flip(post)

    assert elsewhere.read_text() == a_text()


def test_a_folder_that_became_a_link_is_not_written_through(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path)
    file.parent.rename(tmp_path / "elsewhere")
    file.parent.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PostError, match="is outside of the site"):
        library.flip(post)

    assert (tmp_path / "elsewhere" / "a.md").read_text() == a_text()


def test_an_edit_between_reading_and_writing_is_not_lost(tmp_path: Path) -> None:
    file = write(tmp_path, "blog/a.md", a_text())
    old = read_file(file, "a.md")
    file.write_text("edited")

    with pytest.raises(PostError, match="changed since it was read"):
        replace_file(file, old, b"flipped", "a.md")

    assert contents(tmp_path) == {"content/blog/a.md": b"edited"}


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path)
    leftover = file.with_name(".publisher-0123456789abcdef.tmp")
    leftover.write_text("half")

    library.flip(post)

    assert list(contents(tmp_path)) == ["content/blog/a.md"]


# --- preview blocks --------------------------------------------------------------------------


def a_series(project: Path) -> tuple[Library, dict[str, Post]]:
    """Give the seeds' landing pages with the three posts that they announce."""
    for part in PARTS:
        write(project, f"blog/claude-code-{part}.md", a_text(f"id: {part}"))
    for seed in ("chronicles", "chronicles-embargoed"):
        write(project, f"blog/{seed}.md", (SEEDS / f"{seed}.md").read_bytes())
    library = a_library(project)
    return library, {post.id: post for post in library.scan().posts}


def test_a_release_opens_the_blocks_of_its_post_on_every_page(tmp_path: Path) -> None:
    library, posts = a_series(tmp_path)
    before = contents(tmp_path)

    result = library.flip(posts["stalactite"])

    after = contents(tmp_path)
    assert result.changed == (
        "content/blog/chronicles-embargoed.md",
        "content/blog/chronicles.md",
        "content/blog/claude-code-stalactite.md",
    )
    assert [name for name in after if after[name] != before[name]] == list(result.changed)
    page = after["content/blog/chronicles.md"].decode()
    assert page == before["content/blog/chronicles.md"].decode().replace(
        "<PostPreview blurred>\n  <template #stamp>\n"
        '    <RevealStamp date="Tuesday, November 4th" relative />\n  </template>\n',
        "<PostPreview revealed>\n",
    )
    assert page.count("<PostPreview blurred>") == 2


def test_three_releases_open_everything(tmp_path: Path) -> None:
    library, posts = a_series(tmp_path)

    for part in PARTS:
        library.flip(posts[part])

    pages = b"".join(contents(tmp_path).values())
    assert pages.count(b"<PostPreview revealed>") == 6
    assert b"blurred>" not in pages
    assert b"RevealStamp" not in pages
    assert b"status: scheduled" not in pages


def test_a_page_that_was_edited_meanwhile_keeps_the_edit(tmp_path: Path) -> None:
    library, post, _ = a_post_to_flip(tmp_path)
    write(tmp_path, "index.md", f"[A](/blog/a)\n\n{BLOCK}")
    library.scan()
    page = write(tmp_path, "index.md", f"Edited. [A](/blog/a)\n\n{BLOCK}")

    library.flip(post)

    assert page.read_text() == f"Edited. [A](/blog/a)\n\n{OPEN_BLOCK}"


def test_a_block_on_the_posts_own_page_opens_with_the_state(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path, a_text(body=f"[A](/blog/a)\n\n{BLOCK}"))

    result = library.flip(post)

    assert file.read_text() == a_text(
        state="status: published", body=f"[A](/blog/a)\n\n{OPEN_BLOCK}"
    )
    assert result.changed == ("content/blog/a.md",)


def test_a_block_around_the_whole_text_opens_with_the_state(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path, a_text(body=BLOCK))
    before = library.orphans()

    library.flip(post)

    assert before == ()
    assert file.read_text() == a_text(state="status: published", body=OPEN_BLOCK)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("Text.\n\n" + BLOCK.replace("blurred", 'blurred post="nobody"'), 10),
        (f"[B](/blog/b) [C](/blog/c)\n\n{BLOCK}", 10),
        ("Text.\n\n<PostPreview blurred>\n\nNever closed.\n", 10),
        (f"Next: [B](/blog/b)\n\n{BLOCK.replace('Text', 'All that there is to be read')}", 10),
        (BLOCK.replace("blurred", 'blurred post="b"'), 8),
    ],
)
def test_a_release_that_would_leave_its_own_text_hidden_is_refused(
    tmp_path: Path, body: str, line: int
) -> None:
    for name in "bc":
        write(tmp_path, f"blog/{name}.md", a_text("date: 2999-01-01"))
    write(tmp_path, "blog/a.md", a_text(body=body))
    write(tmp_path, "index.md", f"[A](/blog/a)\n\n{BLOCK}")
    library = a_library(tmp_path)
    post = library.scan().posts[0]
    before = contents(tmp_path)

    with pytest.raises(PostError) as error:
        library.flip(post)

    assert error.value.what.startswith(f"content/blog/a.md:{line}: ")
    assert contents(tmp_path) == before


def test_a_page_that_mostly_announces_later_posts_is_released(tmp_path: Path) -> None:
    for name in "bc":
        write(tmp_path, f"blog/{name}.md", a_text("date: 2999-01-01"))
    block = BLOCK.replace("Text.", "A preview of more words than there are beside it.")
    body = f"# Soon\n\n## One\n\n[B](/blog/b)\n\n{block}\n## Two\n\n[C](/blog/c)\n\n{block}"
    file = write(tmp_path, "blog/a.md", a_text(body=body))
    library = a_library(tmp_path)

    library.flip(library.scan().posts[0])

    assert file.read_text() == a_text(state="status: published", body=body)


def test_a_block_that_announces_a_later_post_stays_shut(tmp_path: Path) -> None:
    write(tmp_path, "blog/b.md", a_text("date: 2999-01-01"))
    body = f"Here is a text of some more words than the preview.\n\nNext: [B](/blog/b)\n\n{BLOCK}"
    file = write(tmp_path, "blog/a.md", a_text(body=body))
    library = a_library(tmp_path)

    library.flip(library.scan().posts[0])

    assert file.read_text() == a_text(state="status: published", body=body)


def test_frontmatter_is_no_place_for_blocks(tmp_path: Path) -> None:
    library, post, _ = a_post_to_flip(tmp_path)
    head = "---\nx: |\n  [A](/blog/a)\n  <PostPreview blurred />\n---\n"
    page = write(tmp_path, "index.md", f"{head}\n[A](/blog/a)\n\n{BLOCK}")
    library.scan()

    library.flip(post)

    assert page.read_text() == f"{head}\n[A](/blog/a)\n\n{OPEN_BLOCK}"


@pytest.mark.parametrize("head", [b"\xff\xfe bytes\n\n", b"\xef\xbb\xbf", b"---\nbroken: [\n---\n"])
def test_odd_pages_keep_their_bytes(tmp_path: Path, head: bytes) -> None:
    library, post, _ = a_post_to_flip(tmp_path)
    page = write(tmp_path, "index.md", head + f"[A](/blog/a)\n\n{BLOCK}".encode())
    library.scan()

    library.flip(post)

    assert page.read_bytes() == head + f"[A](/blog/a)\n\n{OPEN_BLOCK}".encode()


def test_a_block_between_the_post_and_an_unreadable_one_stays_shut(tmp_path: Path) -> None:
    library, _, _ = a_post_to_flip(tmp_path)
    write(tmp_path, "blog/broken.md", "---\nbroken: [\n---\n")
    page = write(tmp_path, "index.md", f"[A](/blog/a) [B](/blog/broken)\n\n{BLOCK}")
    (post,) = library.scan().posts

    library.flip(post)

    assert page.read_text() == f"[A](/blog/a) [B](/blog/broken)\n\n{BLOCK}"


def test_other_generators_have_no_blocks(tmp_path: Path) -> None:
    write(tmp_path, "blog/a.md", a_text(state="draft: true", body="pubDate"))
    page = write(tmp_path, "index.md", f"[A](/blog/a)\n\n{BLOCK}")
    library = a_library(tmp_path, generator="astro")
    (post,) = library.scan().posts

    library.flip(post)

    assert page.read_text() == f"[A](/blog/a)\n\n{BLOCK}"


def test_a_release_cut_short_behind_its_blocks_is_finished(tmp_path: Path) -> None:
    library, _, file = a_post_to_flip(tmp_path)
    write(tmp_path, "index.md", f"[A](/blog/a)\n\n{OPEN_BLOCK}")
    (post,) = library.scan().posts

    result = library.flip(post)

    assert result.changed == ("content/blog/a.md",)
    assert "status: published" in file.read_text()


# --- faults ----------------------------------------------------------------------------------

CHILD = """
import os, resource, sys
from pathlib import Path
from tests.posts.sites import a_library
from publisher.model.errors import PostError

library = a_library(Path(sys.argv[1]))
(post,) = library.scan().posts
{hurdle}
try:
    library.flip(post)
except PostError as error:
    print(error)
"""


def flip_in_child(project: Path, hurdle: str) -> str:
    """Flip in a process of its own that meets a hurdle, and give the error it prints."""
    return subprocess.run(
        [sys.executable, "-c", CHILD.format(hurdle=hurdle), str(project)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    ).stdout


def test_a_disk_that_takes_no_more_leaves_the_post_as_it_was(tmp_path: Path) -> None:
    a_post_to_flip(tmp_path)
    before = contents(tmp_path)

    error = flip_in_child(tmp_path, "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))")

    assert error == (
        "content/blog/a.md: cannot be written\n"
        "  file too large\n"
        "  the file is unchanged; correct the cause (permissions, free space, a link)\n"
    )
    assert contents(tmp_path) == before


def test_a_disk_that_is_full_leaves_the_page_and_the_post_as_they_were(tmp_path: Path) -> None:
    a_post_to_flip(tmp_path)
    write(tmp_path, "index.md", f"[A](/blog/a)\n\n{BLOCK}")
    before = contents(tmp_path)

    error = flip_in_child(tmp_path, "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))")

    assert error.startswith("content/index.md: cannot be written\n")
    assert contents(tmp_path) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="a test run by a user meets this below")
def test_a_folder_that_others_own_is_explained() -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path is below folders of our own
        project = Path(name)
        project.chmod(0o755)
        a_post_to_flip(project)
        before = contents(project)

        error = flip_in_child(project, "os.setgroups([]); os.setgid(65534); os.setuid(65534)")

        assert error.startswith("content/blog/a.md: cannot be written\n  permission denied\n")
        assert contents(project) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only_is_explained(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path)
    file.parent.chmod(0o555)
    before = contents(tmp_path)

    with pytest.raises(PostError, match="cannot be written") as error:
        library.flip(post)

    assert error.value.why == "permission denied"
    assert contents(tmp_path) == before


LOOP = """
import sys
from pathlib import Path
from tests.posts.sites import a_library

library = a_library(Path(sys.argv[1]))
old = {file: file.read_bytes() for file in Path(sys.argv[1]).rglob("*.md")}
print("ready", flush=True)
while True:
    library.flip(library.scan().posts[0])
    for file, data in old.items():
        other = file.with_suffix(".new")
        other.write_bytes(data)
        other.replace(file)
"""


def run_until_killed(project: Path, after_s: float) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LOOP), str(project)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert child.stdout is not None
    with child.stdout as output:
        assert output.readline() == b"ready\n"
        try:
            child.wait(after_s)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


def test_a_kill_leaves_every_file_entirely_old_or_entirely_new(tmp_path: Path) -> None:
    body = "Some text of a page.\n\n" * 500
    page = f"[A](/blog/a)\n\n{BLOCK}\n{body}"
    old = {"post": a_text(body=body), "page": page}
    new = {
        "post": a_text(state="status: published", body=body),
        "page": page.replace(BLOCK, OPEN_BLOCK),
    }
    dice = random.Random(7)

    for _ in range(8):
        post_file = write(tmp_path, "blog/a.md", old["post"])
        page_file = write(tmp_path, "index.md", old["page"])
        run_until_killed(tmp_path, dice.uniform(0, 0.1))

        assert post_file.read_text() in (old["post"], new["post"])
        assert page_file.read_text() in (old["page"], new["page"])

        library = a_library(tmp_path)
        library.flip(library.scan().posts[0])
        assert post_file.read_text() == new["post"]
        assert page_file.read_text() == new["page"]


# --- taken back ------------------------------------------------------------------------------


def test_withdrawing_undoes_a_release_but_for_the_stamp(tmp_path: Path) -> None:
    write(tmp_path, "index.md", f"[A](/blog/a)\n\n{OPEN_BLOCK}")
    library, post, file = a_post_to_flip(tmp_path, a_text(state="status: published"))

    result = library.withdraw(post)

    assert result.changed == ("content/index.md", "content/blog/a.md")
    assert "status: draft\n" in file.read_text()
    assert "<PostPreview blurred>" in (tmp_path / "content" / "index.md").read_text()
    assert result.digest == read_file(file, "a.md").digest


def test_withdrawing_to_a_date_says_scheduled(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path, a_text(state="status: published"))

    library.withdraw(post, to=PostState.SCHEDULED)

    assert file.read_text() == a_text(state="status: scheduled")


def test_withdrawing_twice_changes_nothing_more(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path, a_text(state="status: published"))
    library.withdraw(post)
    before = file.stat()

    result = library.withdraw(post)

    assert result.changed == ()
    assert file.stat() == before


def test_post_that_was_edited_meanwhile_is_not_withdrawn(tmp_path: Path) -> None:
    library, post, file = a_post_to_flip(tmp_path, a_text(state="status: published"))
    file.write_text(file.read_text() + "More.\n")

    with pytest.raises(PostError, match="changed since it was read"):
        library.withdraw(post)

    assert "status: published" in file.read_text()
