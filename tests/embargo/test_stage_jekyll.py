"""What Jekyll would build of a project though nobody asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.check.unreleased import check_unlisted_drafts
from publisher.config.settings import Settings
from publisher.generators import GENERATORS
from publisher.model import Embargo
from publisher.posts.library import Library
from tests.embargo.staged_sites import SECRET, a_site, staged, update, write
from tests.factories import NOW


def a_jekyll_site(project: Path, *, embargo: Embargo = Embargo.REDACT) -> Settings:
    (project / "site" / "_posts").mkdir(parents=True)
    return a_site(
        project, generator=GENERATORS["jekyll"], posts=("_posts/**/*.md",), embargo=embargo
    )


@pytest.mark.parametrize("text", [f"---\ntitle: A title\n---\n\n{SECRET}\n", f"{SECRET}\n"])
def test_what_is_in_the_folder_of_drafts_is_one(text: str, tmp_path: Path) -> None:
    settings = a_jekyll_site(tmp_path)
    write(tmp_path, "notes/_drafts/next.md", text)

    found = update(settings)

    assert staged(settings, "notes/_drafts/next.md") is None
    assert found.withheld == ("site/notes/_drafts/next.md",)
    assert SECRET in found.hidden[0].text


def test_another_generator_has_no_folder_of_drafts(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    write(tmp_path, "_drafts/next.md", "---\ntitle: A title\n---\n")

    assert update(settings).withheld == ()


def test_our_settings_and_its_caches_are_not_staged(tmp_path: Path) -> None:
    settings = a_jekyll_site(tmp_path)
    write(tmp_path, ".jekyll-metadata", SECRET)
    write(tmp_path, ".jekyll-cache/Jekyll/Cache/text", SECRET)

    stage = update(settings).folder

    assert settings.file.exists()
    assert not [path.name for path in stage.rglob("*") if path.is_file()]


def test_liquid_in_a_teaser_is_text(tmp_path: Path) -> None:
    settings = a_jekyll_site(tmp_path, embargo=Embargo.TEASER)
    head = "title: A title\ndate: 2027-03-09\npublished: false"
    teaser = "How {% include %} finds {{ page.title }}."
    write(
        tmp_path,
        "_posts/2027-03-09-next.md",
        f"---\n{head}\ndescription: '{teaser}'\n---\n\n{SECRET}\n",
    )

    update(settings)

    page = staged(settings, "_posts/2027-03-09-next.md")
    assert page is not None
    assert f"\n{{% raw %}}{teaser}{{% endraw %}}\n" in page.decode()


def test_check_has_nothing_against_a_folder_of_drafts(tmp_path: Path) -> None:
    settings = a_jekyll_site(tmp_path)
    write(tmp_path, "_drafts/next.md", f"---\ntitle: A title\n---\n\n{SECRET}\n")
    write(tmp_path, "_posts/2027-03-09-next.md", "---\ntitle: A title\npublished: false\n---\n")

    scan = Library(settings.site, settings.project).scan()

    assert [post.state for post in scan.posts] == ["scheduled"]
    assert list(check_unlisted_drafts(settings, scan, NOW)) == []
