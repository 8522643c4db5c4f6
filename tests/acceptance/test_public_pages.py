"""What is public on the first day stays public, or nothing is deployed and it is named."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.sites import Site, a_series, a_site

BARE = "A page without any frontmatter, public for years, about brass telescopes.\n"
# Makes a page of every file, whatever it says, as most generators do.
GENERATOR = """\
from pathlib import Path

out = Path("dist") / "blog"
out.mkdir(parents=True, exist_ok=True)
for path in sorted(Path("blog").glob("*.md")):
    (out / (path.stem + ".html")).write_text("<title>The Plane</title>" + path.read_text())
"""


def a_blog(folder: Path) -> Site:
    """Write a site with a public post, and a public file in error, none of them with a state."""
    site = a_site(folder, more="embargo: redact\n")
    blog = folder / "content" / "blog"
    (folder / "content" / "generate.py").write_text(GENERATOR)
    (blog / "plane.md").write_text("---\ntitle: The Plane\ndate: 2020-01-01\n---\n\nOld.\n")
    (blog / "bare.md").write_text(BARE)
    return site


def test_a_public_page_without_frontmatter_stays_and_stops_no_tick(tmp_path: Path) -> None:
    site = a_blog(tmp_path)

    adopted = site.run("adopt", "--yes")
    ticks = [site.run("tick") for _ in range(2)]

    assert "content/blog/bare.md" in adopted.out
    assert BARE in (tmp_path / "content/dist/blog/bare.html").read_text()
    assert "bare.md" not in "".join(tick.out + tick.err for tick in ticks)
    assert site.run("status", "--json").json()["left_out"] == []


def test_a_page_that_says_draft_and_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    site = a_blog(tmp_path)
    idea = "---\ntitle: [An idea\nstatus: draft\n---\n\nNobody may read this.\n"
    (tmp_path / "content/blog/idea.md").write_text(idea)
    (tmp_path / "content/later.md").write_text(idea.replace("[", ""))

    adopted = site.run("adopt", "--yes")
    ticks = [site.run("tick", code=None) for _ in range(2)]

    named = ["content/blog/idea.md", "content/later.md"]
    assert all(name in adopted.out for name in named)
    assert [all(name in t.out for name in named) for t in ticks] == [True, False]
    assert site.run("status", "--json").json()["left_out"] == named
    assert not (tmp_path / "content/dist/blog/idea.html").exists()


def test_a_public_page_that_the_first_build_lacks_stops_the_deployment_until_it_is_let_go(
    tmp_path: Path,
) -> None:
    site = a_blog(tmp_path)
    output = tmp_path / "content" / "dist" / "blog"
    output.mkdir(parents=True)
    for name in ("plane", "bare", "idea"):
        (output / f"{name}.html").write_text("as it was")
    idea = "---\ntitle: An idea\nstatus: draft\n---\n\nNobody may read this.\n"
    (tmp_path / "content/blog/idea.md").write_text(idea)

    adopted = site.run("adopt", "--yes")
    refused = site.run("tick", code=None)
    before = {file.read_text() for file in output.iterdir()}
    (hold,) = site.run("status", "--json", code=3).json()["waiting"]
    site.run("adopt", "--remove-pages", "--yes")
    site.run("retry", "--yes")

    assert "/blog/idea" in adopted.out
    assert refused.code == 1
    assert before == {"as it was"}
    assert "/blog/idea" in hold["why"]
    assert BARE in (output / "bare.html").read_text()
    assert not (output / "idea.html").exists()
    assert site.run("status", "--json").json()["waiting"] == []


def test_a_site_that_was_built_by_its_own_generator_before_goes_on_unasked(tmp_path: Path) -> None:
    site = a_series(tmp_path, more="embargo: redact\n")
    output = tmp_path / "content" / "dist" / "blog"
    output.mkdir(parents=True)
    (output / "plane.html").write_text("as it was")

    site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    assert "The Plane" in (output / "plane.html").read_text()
