"""VitePress builds nothing while a link is dead: in the stage there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.generators.test_dates import edit
from tests.generators.workbench import Workbench, a_workbench

pytestmark = pytest.mark.generators

LINKS = (
    "# Links\n\n"
    "Read [the **pattern**](/blog/pattern), [that][one] or [the plane](./blog/plane.md).\n\n"
    '| What | Where |\n|---|---|\n| Pattern | [there](blog/pattern.md#steps "Steps") |\n\n'
    "[one]: /blog/pattern.html\n"
)


def a_vitepress_site(folder: Path) -> Workbench:
    bench = a_workbench("vitepress", folder)
    bench.publisher("init", "--no-build")
    jobs = bench.folder / "jobs.yaml"
    assert "embargo: redact" in jobs.read_text()
    jobs.write_text(jobs.read_text().replace("embargo: redact", "embargo: omit"))
    (bench.folder / "links.md").write_text(LINKS)
    return bench


def built(bench: Workbench) -> str:
    return bench.files("links.html")["links.html"]


def test_a_page_that_links_to_an_omitted_post_is_built(tmp_path: Path) -> None:
    bench = a_vitepress_site(tmp_path / "site")

    said = bench.publisher("embargo", "--build")
    before = built(bench)
    bench.flip()
    edit(bench.post, "2099-03-10", "2026-03-10")
    bench.publisher("embargo", "--build")
    after = built(bench)

    assert "no leak" in said
    assert "Read the <strong>pattern</strong>, that or " in before
    assert "<td>there</td>" in before
    assert 'href="./blog/plane"' in before
    assert "/blog/pattern" not in before
    assert len(re.findall(r'<a href="[^"]*/blog/pattern\b', after)) == 3
    assert (bench.folder / "links.md").read_text() == LINKS


def test_a_dead_link_of_another_kind_still_fails_the_build(tmp_path: Path) -> None:
    bench = a_vitepress_site(tmp_path / "site")
    (bench.folder / "links.md").write_text(LINKS + "\n[nowhere](/blog/nowhere)\n")

    said = bench.publisher("embargo", "--build", code=1)

    assert "/blog/nowhere" in said
    assert "/blog/pattern" not in said
