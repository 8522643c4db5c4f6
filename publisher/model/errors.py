"""The exception tree: each error says what happened, why it matters and what to do next.

Programming mistakes stay ordinary exceptions; only what a person can act on belongs here.
"""

from __future__ import annotations

from datetime import timedelta


class PublisherError(Exception):
    """An error to show to the user as text, without a traceback.

    ``place`` is the file, with the line if it is known (``content/spring.md:4``), and ``what``
    begins with it; ``said`` is what happened there. ``why`` and ``hint`` are sentences. All but
    ``what`` may be empty.
    """

    exit_code = 1

    def __init__(self, what: str, *, place: str = "", why: str = "", hint: str = "") -> None:
        self.what = f"{place}: {what}" if place else what
        super().__init__(self.what)
        self.said = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return "\n  ".join(line for line in (self.what, self.why, self.hint) if line)

    @property
    def one_line(self) -> str:
        """Give all of it as one line: for reasons in the ledger, the log and alerts."""
        return str(self).replace("\n  ", "; ")

    @property
    def advice(self) -> str:
        """Give why it matters and what to do, as one line."""
        return "; ".join(filter(None, (self.why, self.hint)))


class UnknownNameError(PublisherError):
    """Nothing is called by the name that was given."""


class ConfigError(PublisherError):
    """``jobs.yaml`` or the environment cannot be used; lists every problem found."""

    exit_code = 78


class PostError(PublisherError):
    """A post or page cannot be read or changed; the file is as it was."""


class ComposeError(PublisherError):
    """An announcement cannot be written within its channel's limits."""

    def __init__(
        self,
        what: str,
        *,
        place: str = "",
        why: str = "",
        hint: str = "",
        is_too_long: bool = False,
    ) -> None:
        super().__init__(what, place=place, why=why, hint=hint)
        self.is_too_long = is_too_long


class SiteError(PublisherError):
    """The rebuild or the verification of the site did not succeed."""


class VanishingError(SiteError):
    """The first build of a site lacks ``pages`` that are public now; nothing was deployed."""

    LISTED = 5

    def __init__(self, pages: tuple[str, ...]) -> None:
        self.pages = pages
        count = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
        more = f" and {len(pages) - self.LISTED} more" if len(pages) > self.LISTED else ""
        super().__init__(
            f"{count} would vanish from the site: {', '.join(pages[: self.LISTED])}{more}",
            why="public now, and not in the first build",
            hint="see `publisher check` for what leaves them out, or let them go with "
            "`publisher adopt --remove-pages`",
        )


class GitError(PublisherError):
    """The git program cannot do what was asked; no work of the author was touched."""


class UntrustedError(GitError):
    """Commits would change ``jobs.yaml``; they wait for a person."""

    exit_code = 3


class LedgerError(PublisherError):
    """The ledger cannot be opened, or refuses what was asked of it."""


class LedgerUnavailable(LedgerError):
    """The ledger or its folder cannot be read or written now, as with a full disk.

    What it holds is not in doubt: it is worth trying again.
    """


class LedgerBusyError(LedgerError):
    """Another publisher process holds this ledger."""

    exit_code = 75


class StaleError(LedgerError):
    """The row changed since it was read: somebody else acted; read it again."""


class NotDelivered(PublisherError):
    """A channel is sure that nothing went out.

    ``permanent`` means that the same request can never succeed. ``retry_after`` is the wait that
    the service asked for. ``needs_auth`` closes the channel until its credentials change.
    """

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        hint: str = "",
        permanent: bool = False,
        retry_after: timedelta | None = None,
        needs_auth: bool = False,
    ) -> None:
        super().__init__(what, why=why, hint=hint)
        self.permanent = permanent
        self.retry_after = retry_after
        self.needs_auth = needs_auth


class DuplicateContent(PublisherError):
    """The service refused because it already holds this content.

    That is evidence, not a failure. ``remote_id`` and ``remote_url`` are set when the service
    named the earlier post.
    """

    def __init__(
        self, what: str, *, remote_id: str | None = None, remote_url: str | None = None
    ) -> None:
        super().__init__(what)
        self.remote_id = remote_id
        self.remote_url = remote_url
