"""An update of the stage, after any edits, gives what a new stage would be; and shows nothing."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.embargo.stage import Stage
from publisher.model import Embargo
from publisher.posts.library import Library
from tests.embargo.staged_sites import PUBLIC, SECRET, a_post, a_site, an_image, files, tree, write
from tests.factories import NOW

NAMES = ("blog/p0.md", "blog/p1.md", "blog/b1/index.md", "blog/b2/index.md", "about.md")
TARGETS = ("/img/a.png", "./a.png", "b.png", "../img/a.png?v=1", "https://cdn.example/c.png")
LINKS = ("/blog/p0", "./p1.md", "../blog/b1/", "/about.html#x", "https://example.org/blog/p1")

targets = st.sampled_from(TARGETS)
parts = st.one_of(
    st.builds("![A plane]({})".format, targets),
    st.builds("See [there]({}).".format, st.sampled_from(LINKS)),
    st.builds(
        '<PostPreview blurred post="{}">\n\n{}\n\n![x]({})\n\n</PostPreview>'.format,
        st.sampled_from(("p0", "p1", "b1")),
        st.just(SECRET),
        targets,
    ),
)


@st.composite
def posts(draw: st.DrawFn) -> str:
    status = draw(st.sampled_from(("published", "scheduled", "draft", "schduled")))
    embargo = draw(st.sampled_from(("", "embargo: omit", "embargo: teaser", "embargo: redact")))
    text = PUBLIC if status == "published" else SECRET
    return a_post(
        embargo, status=status, body="\n\n".join([text, *draw(st.lists(parts, max_size=3))])
    )


texts = st.tuples(st.sampled_from(NAMES), posts())
others = st.tuples(
    st.sampled_from(("public/img/a.png", "blog/a.png", "blog/b1/b.png", "blog/b2/b.png")),
    st.sampled_from((an_image("red"), an_image("blue", size=(9, 9)))),
)
beside = st.tuples(st.sampled_from(("blog/b1/notes.txt", "card.vue")), st.sampled_from(TARGETS))
removals = st.tuples(st.sampled_from((*NAMES, "public/img/a.png", "blog/b1/b.png")), st.none())
edits = st.lists(st.one_of(texts, others, beside, removals), max_size=8)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Give files and links; the empty folder of a placeholder that went may stay."""
    return {name: what for name, what in tree(folder).items() if what != "folder"}


@settings(max_examples=25, deadline=None)
@given(
    embargo=st.sampled_from((Embargo.REDACT, Embargo.TEASER, Embargo.OMIT)),
    rounds=st.lists(edits, min_size=1, max_size=4),
)
def test_an_update_gives_what_a_new_stage_would_be(
    embargo: Embargo, rounds: list[list[tuple[str, str | bytes | None]]]
) -> None:
    project = Path(tempfile.mkdtemp())
    try:
        ours = a_site(project / "project", embargo=embargo)
        for number, round_ in enumerate(rounds):
            for path, content in round_:
                if content is None:
                    (ours.site.root / path).unlink(missing_ok=True)
                else:
                    write(ours.project, path, content)
            scan = Library(ours.site, ours.project).scan()
            new = replace(ours, state_dir=project / f"new-{number}")

            found, fresh = (Stage(one).update(scan, now=NOW) for one in (ours, new))

            # what was under embargo and broke since stays as it was staged
            if not scan.broken:
                assert contents(found.folder) == contents(fresh.folder)
                assert found.hidden == fresh.hidden
            for path, data in files(found.folder).items():
                assert b"nobody had switched it on" not in data, path
            assert Stage(ours).update(scan, now=NOW).changed == ()
    finally:
        shutil.rmtree(project)
