"""The trial build that `check --build`, `init` and `adopt` make, and what they show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.cli.invocation import Invocation
from publisher.cli.output import count, note
from publisher.cli.pages import say_problem
from publisher.model.errors import PublisherError

if TYPE_CHECKING:
    from publisher.check.preflight import Preflight
    from publisher.views.site_state import Survey

LISTED = 20  # addresses shown


def try_build(invocation: Invocation, survey: Survey) -> Preflight:
    """Build a copy of the site with all coming posts released; show their addresses.

    :raises PublisherError: when no copy can be made.
    """
    from publisher.check.preflight import preflight
    from publisher.engine import assemble
    from publisher.model import PostState

    coming = sum(post.state is PostState.SCHEDULED for post in survey.scan.posts)
    note(f"building a copy of the site with {count(coming, 'coming post')} released …")
    environ = assemble.build_environ(survey.settings, invocation.environ)
    found = preflight(survey, environ=environ)
    for name, url in list(found.addresses.items())[:LISTED]:
        note(f"  {name}: {url}")
    if len(found.addresses) > LISTED:
        note(f"  and {len(found.addresses) - LISTED} more")
    return found


def show_trial(invocation: Invocation) -> tuple[str, ...]:
    """Try the build and show what is wrong; nothing of it ends the command.

    Give the pages that are public now, and that the first build would take away.
    """
    try:
        survey = invocation.look()
        if survey.settings.rebuild is None:
            return ()
        found = try_build(invocation, survey)
    except PublisherError as error:
        note(f"the trial build was not made: {error.one_line}")
        return ()
    for problem in found.problems:
        say_problem(problem)
    if not found.problems:
        note("the trial build shows every coming post as it should")
    return found.vanishing
