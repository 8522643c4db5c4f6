"""The embargo as a whole: staged, built, searched, deployed, by the real command and real git."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.system import locks
from tests.acceptance.sites import Site, a_site

# A generator as most are: it shows all it finds, in pages, a feed, a sitemap and a search index.
NAIVE = """\
import gzip, html, json, pathlib
out = pathlib.Path("dist")
(out / "blog").mkdir(parents=True, exist_ok=True)
index, urls = {}, []
for path in sorted(pathlib.Path("blog").glob("*.md")):
    head, _, body = path.read_text().removeprefix("---\\n").partition("\\n---\\n")
    title = head.partition("title: ")[2].partition("\\n")[0]
    paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in body.strip().split("\\n\\n"))
    head = f"<html><head><title>{title}</title></head>"
    page = f"{head}<body><h1>{title}</h1>{paragraphs}</body></html>"
    (out / "blog" / f"{path.stem}.html").write_text(page)
    index[path.stem] = body
    urls.append(f"<url><loc>https://site.example/blog/{path.stem}</loc></url>")
for page in out.glob("blog/*.html"):
    if not pathlib.Path("blog", page.stem + ".md").exists():
        page.unlink()
(out / "search.json").write_text(json.dumps(index))
(out / "search.json.gz").write_bytes(gzip.compress(json.dumps(index).encode()))
(out / "sitemap.xml").write_text("<urlset>" + "".join(urls) + "</urlset>")
extra = pathlib.Path("extra.html")
if extra.exists():
    (out / "extra.html").write_text(pathlib.Path(extra.read_text().strip()).read_text())
"""
CANARY = "the evening the door was gone and everybody had something to say about it"
GIT = ("git", "-c", "user.name=Runa", "-c", "user.email=runa@site.example")


def an_embargoed_site(folder: Path, *, embargo: str = "redact", more: str = "") -> Site:
    """Write a public post and an unreleased one, and adopt them."""
    site = a_site(folder, channels="  outbox: {type: outbox}\n", more=f"embargo: {embargo}\n{more}")
    (folder / "content" / "generate.py").write_text(NAIVE)
    site.write("bench", reveal="2026-01-05", status="published")
    site.write("door", reveal="2099-03-10", more="teaser: Who opened it?\n")
    return site


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*GIT, *arguments], cwd=folder, capture_output=True, text=True, errors="replace", check=True
    )
    return done.stdout


def dist(site: Site) -> Path:
    return site.folder / "content" / "dist"


def showing(folder: Path, text: str) -> list[str]:
    """Name the files that hold a text, packed or not."""
    import gzip

    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            plain = gzip.decompress(data) if path.suffix == ".gz" else data
            if text.encode() in plain:
                found.append(str(path.relative_to(folder)))
    return found


@pytest.mark.parametrize("embargo", ["redact", "teaser", "omit"])
def test_nothing_of_an_unreleased_post_is_built_and_all_of_a_released_one(
    tmp_path: Path, embargo: str
) -> None:
    site = an_embargoed_site(tmp_path, embargo=embargo)
    site.run("adopt", "--yes", "--no-build")

    site.run("tick")
    before = showing(dist(site), CANARY)
    has_page = (dist(site) / "blog" / "door.html").exists()
    site.run("release", "door", "--yes")
    site.run("tick")

    assert before == []
    assert has_page is (embargo != "omit")
    assert showing(dist(site), CANARY) == ["blog/door.html", "search.json", "search.json.gz"]
    assert [entry["link"] for entry in site.outbox] == ["https://site.example/blog/door"]


def test_page_under_embargo_keeps_its_structure_and_asks_search_engines_to_stay_away(
    tmp_path: Path,
) -> None:
    site = an_embargoed_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")

    site.run("tick")

    page = (dist(site) / "blog" / "door.html").read_text()
    assert '<meta name="robots" content="noindex">' in page
    assert "<h1>The Door</h1>" in page
    assert page.count("<p>") == 3  # two paragraphs, and the stamp
    assert "Coming Tuesday, March 10, 2099" in page


def test_leak_stops_the_chain_and_names_file_post_and_excerpt(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    (tmp_path / "content" / "blog" / "bench.md").write_text(
        "---\ntitle: The Bench\ndate: 2026-01-05\nstatus: published\n---\n\nAn edit.\n"
    )
    source = tmp_path / "content" / "blog" / "door.md"
    (tmp_path / "content" / "extra.html").write_text(str(source))

    failed = site.run("tick", code=1)
    why = site.run("status", code=None).out

    assert "a leak: extra.html: shows text of door (content/blog/door.md)" in failed.out
    assert "a leak: extra.html" in why
    assert "publisher embargo" in why
    assert not (dist(site) / "extra.html").exists()
    assert "An edit." not in (dist(site) / "blog" / "bench.html").read_text()
    assert site.run("embargo", code=1).out.startswith("extra.html: shows text of door")


def test_release_of_one_of_two_posts_under_one_template_raises_no_alarm(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    template = "\n\n".join(f"In every part{n} of this column we say it again." for n in range(9))
    for name in ("lathe", "saw"):
        post = site.write(name, reveal="2099-04-10")
        post.write_text(f"{post.read_text()}\n{template}\n")
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    site.run("release", "saw", "--yes")

    assert template.split("\n\n")[3] in (dist(site) / "blog" / "saw.html").read_text()
    assert showing(dist(site), "the lathe was gone") == []
    assert [entry["link"] for entry in site.outbox] == ["https://site.example/blog/saw"]


def test_live_page_of_a_post_that_broke_is_no_leak(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    post = tmp_path / "content" / "blog" / "bench.md"
    post.write_text(post.read_text() + "\n" + " ".join(f"and word{n}" for n in range(80)))
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    post.write_text(post.read_text().replace("status: published", "status: publishd"))

    site.run("release", "door", "--yes")

    assert "word79" in (dist(site) / "blog" / "bench.html").read_text()
    assert showing(dist(site), CANARY)


def test_released_post_is_not_announced_while_another_one_leaks(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    site.write("lathe", reveal="2099-04-10")
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    source = tmp_path / "content" / "blog" / "lathe.md"
    (tmp_path / "content" / "extra.html").write_text(str(source))

    site.run("release", "door", "--yes", code=1)

    assert site.outbox == []
    assert "a leak: extra.html" in site.run("why", "door").out


def test_edit_of_a_page_is_built_without_any_release(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    post = tmp_path / "content" / "blog" / "bench.md"
    post.write_text(post.read_text() + "\nA late thought.\n")

    done = site.run("tick")
    again = site.run("tick")

    assert "rebuilt" in done.out
    assert "A late thought." in (dist(site) / "blog" / "bench.html").read_text()
    assert "rebuilt" not in again.out


def test_withdrawn_page_disappears_and_leads_where_it_should(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path, more="withdrawn: /blog/bench\n")
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "door", "--yes")
    site.run("tick")

    site.run("withdraw", "door", "--yes")
    site.run("tick")

    page = (dist(site) / "blog" / "door.html").read_text()
    assert "url=/blog/bench" in page
    assert showing(dist(site), CANARY) == []


def test_what_no_build_made_stays_in_the_output(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    dist(site).mkdir()
    (dist(site) / "CNAME").write_text("site.example")
    site.run("adopt", "--yes", "--no-build")

    site.run("tick")
    site.run("release", "door", "--yes")

    assert (dist(site) / "CNAME").read_text() == "site.example"


def test_own_build_of_an_author_is_replaced_and_told(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    subprocess.run([sys.executable, "generate.py"], cwd=tmp_path / "content", check=True)
    open_to_all = showing(dist(site), CANARY)

    told = site.run("tick", code=1)
    later = site.run("tick")

    assert "blog/door.html" in open_to_all
    assert showing(dist(site), CANARY) == []
    assert "another build, or a person, changed blog/bench.html, blog/door.html" in told.out
    assert "another build" not in later.out


def test_leftover_of_a_build_without_embargo_is_a_leak(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path)
    text = (tmp_path / "content" / "blog" / "door.md").read_text()
    (dist(site) / "assets").mkdir(parents=True)
    (dist(site) / "assets" / "door.1a2b.js").write_text(f"export default {text!r}")
    site.run("adopt", "--yes", "--no-build")

    done = site.run("tick", code=1)

    assert "a leak: assets/door.1a2b.js: shows text of door" in done.out
    assert "no build made that file: delete it" in done.out


# --- git -------------------------------------------------------------------------------------


def with_git(site: Site, folder: Path) -> tuple[Path, Path]:
    """Put the site under version control, with a private remote and a public one."""
    private, public = folder / "private.git", folder / "public.git"
    for bare in (private, public):
        git(folder, "init", "-q", "--bare", "-b", "main", str(bare))
    (site.folder / ".gitignore").write_text(".publisher\ndist\n")
    git(site.folder, "init", "-q", "-b", "main")
    git(site.folder, "remote", "add", "origin", str(private))
    git(site.folder, "remote", "add", "public", str(public))
    git(site.folder, "add", "-A")
    git(site.folder, "commit", "-qm", "The site")
    git(site.folder, "push", "-qu", "origin", "main")
    return private, public


def every_blob(bare: Path) -> bytes:
    """Give all that a repository holds, reachable or not."""
    listed = git(bare, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    names = [line.split()[0] for line in listed]
    return "\n".join(git(bare, "cat-file", "-p", name) for name in names).encode()


def test_deploy_branch_never_holds_unreleased_text_in_any_object(tmp_path: Path) -> None:
    site = an_embargoed_site(
        tmp_path / "site", more="git: {deploy_branch: live, deploy_remote: public}\n"
    )
    site.write("lathe", reveal="2099-04-10")
    private, public = with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")

    site.run("tick")
    before = every_blob(public)
    site.run("release", "door", "--yes")
    site.run("tick")
    after = every_blob(public)

    lathe = CANARY.replace("door", "lathe")
    assert b"The Door" in before
    assert CANARY.encode() not in before
    assert CANARY.encode() in after
    assert lathe.encode() not in after
    assert lathe.encode() in every_blob(private)
    assert git(private, "log", "-1", "--format=%s", "main") == "Release: door\n"
    assert git(public, "log", "--format=%s", "live").splitlines()[0] == "Release: door"


def test_what_comes_by_git_is_pulled_and_built(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {push: false}\n")
    private, _ = with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    git(tmp_path, "clone", "-q", str(private), "elsewhere")
    theirs = tmp_path / "elsewhere" / "content" / "blog" / "bench.md"
    theirs.write_text(theirs.read_text() + "\nFrom another desk.\n")
    git(tmp_path / "elsewhere", "commit", "-qam", "A thought")
    git(tmp_path / "elsewhere", "push", "-q")

    site.run("tick")

    assert "From another desk." in (dist(site) / "blog" / "bench.html").read_text()


def test_work_of_others_is_in_nobodys_way_when_a_release_is_pushed(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {pull: false}\n")
    private, _ = with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    git(tmp_path, "clone", "-q", str(private), "elsewhere")
    (tmp_path / "elsewhere" / "NOTES").write_text("theirs")
    git(tmp_path / "elsewhere", "add", "-A")
    git(tmp_path / "elsewhere", "commit", "-qm", "Notes")
    git(tmp_path / "elsewhere", "push", "-q")

    site.run("release", "door", "--yes")
    site.run("tick")

    subjects = git(private, "log", "--format=%s", "main").splitlines()
    assert subjects == ["Release: door", "Notes", "The site"]
    assert [entry["link"] for entry in site.outbox] == ["https://site.example/blog/door"]


def test_release_commits_its_own_pages_and_nobodys_half_done_work(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {push: false, pull: false}\n")
    landing = site.folder / "content" / "landing.md"
    landing.write_text('<PostPreview blurred post="door">\n\nSoon.\n\n</PostPreview>\n')
    with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    other = site.folder / "content" / "notes.md"
    other.write_text('<PostPreview blurred post="bench">\n\nHalf done.\n\n</PostPreview>\n')

    site.run("release", "door", "--yes")

    committed = git(site.folder, "show", "--name-only", "--format=").split()
    assert committed == ["content/blog/door.md", "content/landing.md"]


PREVIEW = '\n<PostPreview {} post="door">\n\nSoon.\n\n</PostPreview>\n'


def write_with_preview(site: Site, name: str, word: str = "blurred", status: str = "draft") -> Path:
    path = site.write(name, status=status)
    path.write_text(path.read_text() + PREVIEW.format(word))
    return path


def committed_by_release(site: Site) -> list[str]:
    site.run("release", "door", "--yes")
    return git(site.folder, "show", "--name-only", "--format=").split()


@pytest.mark.parametrize("word", ["blurred", "revealed", ""])
def test_draft_that_was_never_added_is_not_committed_with_a_release(
    word: str, tmp_path: Path
) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {pull: false}\n")
    private, _ = with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    draft = write_with_preview(site, "lathe", word)

    committed = committed_by_release(site)

    assert committed == ["content/blog/door.md"]
    assert draft.name not in git(private, "ls-tree", "-r", "--name-only", "main")


def test_page_that_a_release_did_not_change_is_not_committed(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {push: false, pull: false}\n")
    page = write_with_preview(site, "lathe", "revealed", status="published")
    with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    page.write_text(page.read_text() + "\nHalf a thought.\n")

    assert committed_by_release(site) == ["content/blog/door.md"]


@pytest.mark.parametrize(
    ("status", "edit", "is_committed"),
    [("draft", "", True), ("draft", "Half.\n", False), ("published", "More.\n", True)],
)
def test_draft_with_a_preview_is_committed_unless_it_was_edited(
    status: str, edit: str, is_committed: bool, tmp_path: Path
) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {push: false, pull: false}\n")
    page = write_with_preview(site, "lathe", status=status)
    with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    page.write_text(page.read_text() + edit)

    committed = committed_by_release(site)

    assert "<PostPreview revealed" in page.read_text()
    assert ("content/blog/lathe.md" in committed) is is_committed


def test_moving_a_release_commits_nothing(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {push: false, pull: false}\n")
    with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    site.run("reschedule", "door", "--to", "2099-05-10", "--yes")
    site.run("tick")

    assert git(site.folder, "log", "--format=%s").splitlines() == ["The site"]


def test_failing_pull_is_told_by_tick_and_by_its_exit_code(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path / "site", more="git: {push: false}\n")
    private, _ = with_git(site, tmp_path)
    site.run("adopt", "--yes", "--no-build")
    private.rename(tmp_path / "elsewhere.git")

    done = site.run("tick", code=1)

    assert "git pull failed: " in done.out


def test_command_that_would_deploy_the_sources_is_not_run(tmp_path: Path) -> None:
    site = an_embargoed_site(tmp_path, more="deploy: {command: [touch, deployed]}\n")
    jobs = site.folder / "jobs.yaml"
    lines = [line for line in jobs.read_text().splitlines() if not line.startswith("rebuild:")]
    jobs.write_text("\n".join(lines) + "\n")
    site.run("adopt", "--yes", "--no-build")

    done = site.run("tick", code=1)

    assert "deploy.command without rebuild.command would deploy posts under embargo" in done.out
    assert not (tmp_path / "deployed").exists()


# --- kills -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["stage", "manifest.db", "unbuilt", "search.json"])
def test_kill_on_the_way_to_the_public_is_made_good_by_the_next_tick(
    tmp_path: Path, wait: str
) -> None:
    site = an_embargoed_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    site.run("release", "door", "--yes")
    marks = tmp_path / ".publisher"
    seen = {path: path.stat().st_mtime_ns for path in marks.rglob(wait)}
    begun = subprocess.Popen(
        site.command("tick"),
        cwd=site.folder,
        env=site.all_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while begun.poll() is None and all(
        path.exists() and path.stat().st_mtime_ns == at for path, at in seen.items()
    ):
        pass
    begun.send_signal(signal.SIGKILL)
    begun.wait()

    site.run("tick")

    assert showing(dist(site), CANARY) == ["blog/door.html", "search.json", "search.json.gz"]
    assert len(site.outbox) == 1


# --- withdrawals in git ----------------------------------------------------------------------


def a_released_site(folder: Path, **changes: str) -> tuple[Site, Path]:
    """Give a site under version control whose post `door` is out ahead of its date."""
    site = an_embargoed_site(folder / "site", more="git: {}\n", **changes)
    landing = site.folder / "content" / "landing.md"
    landing.write_text('<PostPreview blurred post="door">\n\nSoon.\n\n</PostPreview>\n')
    private, _ = with_git(site, folder)
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")
    site.run("release", "door", "--yes")
    return site, private


def test_withdrawal_to_a_draft_is_committed_and_pushed(tmp_path: Path) -> None:
    site, private = a_released_site(tmp_path)

    site.run("withdraw", "door", "--yes")

    subjects = git(private, "log", "--format=%s", "main").splitlines()
    assert subjects == ["Withdraw: door", "Release: door", "The site"]
    assert git(site.folder, "status", "--short") == ""


def test_withdrawal_to_the_embargo_is_committed_and_pushed(tmp_path: Path) -> None:
    site, private = a_released_site(tmp_path)

    site.run("withdraw", "door", "--to-embargo", "--yes")

    assert "status: scheduled" in git(private, "show", "main:content/blog/door.md")
    assert "<PostPreview blurred" in git(private, "show", "main:content/landing.md")
    assert git(private, "log", "-1", "--format=%s", "main") == "Withdraw: door\n"
    assert git(site.folder, "status", "--short") == ""


def test_withdrawal_of_a_post_that_was_public_before_is_committed(tmp_path: Path) -> None:
    site, private = a_released_site(tmp_path)

    site.run("withdraw", "bench", "--yes")

    assert git(private, "log", "-1", "--format=%s", "main") == "Withdraw: bench\n"
    assert git(site.folder, "status", "--short") == ""


def test_withdrawal_of_what_was_still_to_come_is_committed(tmp_path: Path) -> None:
    site, private = a_released_site(tmp_path)
    site.write("lathe", reveal="2099-04-10")
    git(site.folder, "add", "-A")
    git(site.folder, "commit", "-qm", "The lathe")

    site.run("withdraw", "lathe", "--yes")

    assert git(private, "log", "-1", "--format=%s", "main") == "Withdraw: lathe\n"
    assert git(site.folder, "status", "--short") == ""


def test_withdrawal_is_committed_though_the_post_was_moved_before_the_build(
    tmp_path: Path,
) -> None:
    site, private = a_released_site(tmp_path)
    with locks.hold(site.folder / ".publisher", locks.DAEMON):  # which has not come to it yet
        site.run("withdraw", "door", "--to-embargo", "--yes")
        site.run("reschedule", "door", "--to", "2099-05-10", "--yes")

    site.run("tick")

    assert "status: scheduled" in git(private, "show", "main:content/blog/door.md")
    assert git(private, "log", "-1", "--format=%s", "main") == "Withdraw: door\n"


def test_post_taken_back_by_hand_to_its_coming_date_is_committed(tmp_path: Path) -> None:
    site, private = a_released_site(tmp_path)
    door = site.folder / "content" / "blog" / "door.md"
    door.write_text(door.read_text().replace("status: published", "status: scheduled"))

    site.run("tick")

    assert "status: scheduled" in git(private, "show", "main:content/blog/door.md")
