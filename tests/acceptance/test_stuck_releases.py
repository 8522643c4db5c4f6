"""Releases that only an edit can mend: they wait for a person, and nothing is announced."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.sites import Site, a_series


def waiting(site: Site) -> list[str]:
    """Give the posts that `status` puts to a person, which then ends with 3."""
    found = site.run("status", "--json", code=None)
    holds = found.json()["waiting"]
    assert found.code == (3 if holds else 0)
    return [hold["post"] for hold in holds]


def going_on(site: Site) -> list[str]:
    return [step["post"] for step in site.run("status", "--json", code=None).json()["under_way"]]


def test_a_page_that_every_build_leaves_without_its_title_waits_for_a_person(
    tmp_path: Path,
) -> None:
    site = a_series(tmp_path)
    site.run("adopt", "--yes", "--no-build")
    generate = tmp_path / "content" / "generate.py"
    good = generate.read_text()
    generate.write_text(good.replace('title[1] if title else ""', '""'))

    site.run("release", "pattern", "--yes", code=None)
    first = (waiting(site), going_on(site))
    again = site.run("retry", "pattern", "--yes", code=None)
    second = (waiting(site), going_on(site))
    generate.write_text(good)
    site.run("retry", "pattern", "--yes")

    assert first == ([], ["pattern"])
    assert second == (["pattern"], [])
    assert again.code == 3
    assert (waiting(site), going_on(site)) == ([], [])
    assert {entry["channel"] for entry in site.outbox} == {"x", "newsletter"}


def test_a_release_whose_text_would_stay_hidden_is_stuck_at_once_with_its_line(
    tmp_path: Path,
) -> None:
    site = a_series(tmp_path)
    post = tmp_path / "content" / "blog" / "pattern.md"
    text = post.read_text()
    blocked = '\n<PostPreview blurred post="nobody">\n\nMore.\n\n</PostPreview>\n'
    post.write_text(text + blocked)
    site.run("adopt", "--yes", "--no-build")

    site.run("release", "pattern", "--yes", code=None)
    (hold,) = site.run("status", "--json", code=3).json()["waiting"]
    post.write_text(text + blocked.replace(' post="nobody"', ""))
    site.run("retry", "pattern", "--yes")

    line = (text + blocked).splitlines().index('<PostPreview blurred post="nobody">') + 1
    assert (hold["post"], hold["command"]) == ("pattern", "publisher retry pattern")
    assert f"content/blog/pattern.md:{line}" in hold["why"]
    assert "<PostPreview revealed>" in post.read_text()
    assert len(site.outbox) == 2
