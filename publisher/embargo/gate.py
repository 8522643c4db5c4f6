"""What a build passes on its way to the public: it is marked, searched, and only then synced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from publisher.embargo.feeds import remove_entries
from publisher.embargo.leaks import Leak, search
from publisher.embargo.noindex import mark_pages, with_own_page
from publisher.embargo.stage import Staged
from publisher.embargo.sync import sync_output
from publisher.model.errors import SiteError
from publisher.text.urls import path_on_site


def publish_if_clean(
    staged: Staged, output: Path, *, record: Path, site_url: str, redirects: Mapping[str, str]
) -> None:
    """Bring what was built in the stage to ``output``, if nothing of it is under embargo.

    What else lies in ``output`` stays; pages there of posts under embargo go, unless the build has
    another page at their address. ``record`` keeps what was put there. A file of others that cannot
    be searched is theirs to answer for.

    :raises SiteError: at a leak; of a build that shows one nothing is written there.
    """
    own = with_own_page(staged.output, staged.hidden, site_url=site_url, public=staged.texts)
    mark_pages(staged.output, own, site_url=site_url, redirects=redirects)
    remove_entries(staged.output, own)
    found = search(staged.output, hidden=staged.hidden, public=staged.public)
    _refuse(found, hint="mend the page or theme that shows it; `publisher embargo` lists all")
    absent = [path_on_site(post.url, site_url) for post in staged.hidden if post.url]
    synced = sync_output(staged.output, output, record=record, absent=absent)
    kept: Sequence[Leak] = ()
    with suppress(SiteError):  # unsearchable
        kept = search(output, files=synced.kept, hidden=staged.hidden, public=staged.public)
    _refuse(kept, hint="no build made that file: delete it, or mend what made it")


def inspect_files(staged: Staged, files: Sequence[str]) -> None:
    """Look through the files that go to the deploy branch; paths are relative to the stage.

    :raises SiteError: at a leak, or a file that cannot be searched.
    """
    found = search(staged.folder, files=files, hidden=staged.hidden, public=staged.public)
    _refuse(found, hint="it would go to git.deploy_branch: take it out of the project")


def _refuse(found: Sequence[Leak], *, hint: str) -> None:
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise SiteError(
            f"a leak: {found[0]}{more}",
            why="nothing of this build was deployed",
            hint=hint,
        )
