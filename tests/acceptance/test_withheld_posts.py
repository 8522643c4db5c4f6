"""Posts that say no state, or published, and whose date is to come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.sites import GENERATOR, Site, a_site

SECRET = "nobody could say whose it had been"


def a_hugo_site(folder: Path, generator: str = "hugo") -> Site:
    """Write a site with an old post and a coming one, neither of which says draft."""
    site = a_site(folder, more="embargo: redact\n")
    jobs = site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("generator: vitepress", f"generator: {generator}"))
    script = site.folder / "content" / "generate.py"
    script.write_text(GENERATOR.replace('if "status: published" in', 'if "draft: true" not in'))
    for name, date in (("plane", "2026-01-13"), ("pattern", "2099-03-10")):
        path = site.write(name)
        path.write_text(path.read_text().replace("status: scheduled", f"date: {date}"))
    return site


def page(site: Site, name: str) -> str:
    return (site.folder / "content" / "dist" / "blog" / f"{name}.html").read_text()


@pytest.mark.parametrize("generator", ["hugo", "vitepress", "eleventy"])
def test_post_with_a_date_to_come_is_under_embargo_and_not_adopted(
    generator: str, tmp_path: Path
) -> None:
    site = a_hugo_site(tmp_path, generator)

    adopted = site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    assert "1 post recorded as public" in adopted.out
    assert SECRET in page(site, "plane")
    assert SECRET not in page(site, "pattern")
    assert "2099-03-10" in site.run("calendar").out
    assert site.outbox == []


def test_it_stays_under_embargo_after_a_deploy_command(tmp_path: Path) -> None:
    site = a_hugo_site(tmp_path)
    jobs = site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text() + 'deploy: {command: ["true"]}\n')
    site.run("adopt", "--yes", "--no-build")
    site.run("tick")

    again = site.run("tick")

    staged = site.folder / ".publisher" / "stage" / "project" / "content" / "blog" / "pattern.md"
    assert SECRET not in staged.read_text()
    assert "rebuilding" not in again.err


@pytest.mark.parametrize("generator", ["hugo", "vitepress"])
def test_it_can_be_released_ahead_of_its_date(generator: str, tmp_path: Path) -> None:
    site = a_hugo_site(tmp_path, generator)
    site.run("adopt", "--yes", "--no-build")
    before = (site.folder / "content" / "blog" / "pattern.md").read_bytes()

    site.run("release", "pattern", "--yes")
    site.run("tick")

    assert SECRET in page(site, "pattern")
    assert [entry["channel"] for entry in site.outbox] == ["newsletter", "x"]
    assert (site.folder / "content" / "blog" / "pattern.md").read_bytes() == before


def test_it_comes_out_and_is_announced_on_its_date(tmp_path: Path) -> None:
    site = a_hugo_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")

    played = site.run("rehearse", "--scratch", str(tmp_path / "scratch"))

    assert "pattern" in played.out
    assert len(list((tmp_path / "scratch" / "outbox").glob("*.json"))) == 2


def test_check_has_nothing_to_say_of_it(tmp_path: Path) -> None:
    site = a_hugo_site(tmp_path)

    found = site.run("check", code=None)

    assert "published-in-future" not in found.out


def test_it_can_go_back_under_embargo(tmp_path: Path) -> None:
    site = a_hugo_site(tmp_path)
    path = site.folder / "content" / "blog" / "pattern.md"
    path.write_text(path.read_text().replace("date: ", "draft: false\npublishDate: "))
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "pattern", "--yes")

    site.run("withdraw", "pattern", "--yes", "--to-embargo")
    site.run("tick")

    assert SECRET not in page(site, "pattern")
    assert "2099-03-10" in site.run("calendar").out


def test_it_can_be_taken_back_for_good_though_it_has_no_state_to_change(tmp_path: Path) -> None:
    site = a_hugo_site(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    site.run("release", "pattern", "--yes")

    site.run("withdraw", "pattern", "--yes")
    site.run("tick")

    page_file = site.folder / "content" / "dist" / "blog" / "pattern.html"
    assert not page_file.exists()
    assert "draft: true" in (site.folder / "content" / "blog" / "pattern.md").read_text()


def test_a_template_of_pages_is_not_named_among_what_is_left_out(tmp_path: Path) -> None:
    site = a_site(tmp_path, more="embargo: redact\n")
    site.write("plane", reveal="2026-01-13", status="published")
    content = site.folder / "content"
    (content / ".vitepress").mkdir()
    (content / ".vitepress" / "config.mts").write_text("srcExclude: ['templates/**']")
    (content / "templates").mkdir()
    for name in ("templates/new.md", "about.md"):
        (content / name).write_text("---\ntitle: New\nstatus: draft\n---\n\nNot for anybody yet.\n")
    site.write("pattern", reveal="2099-03-10")
    site.run("adopt", "--yes", "--no-build")

    site.run("tick")

    assert site.run("status", "--json").json()["left_out"] == ["content/about.md"]
