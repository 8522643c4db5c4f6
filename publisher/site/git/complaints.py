"""What git complains about, in words: what happened, why it matters, what to do."""

from __future__ import annotations

import re
from pathlib import Path

from publisher.model.errors import GitError
from publisher.site.git.remotes import hide_credentials

_LENGTH = 400  # characters of git's own words

_NETWORK = (
    "Could not resolve host|Couldn't resolve host|Connection refused|Connection timed out|"
    "Connection reset|Network is unreachable|No route to host|Failed to connect|"
    "Couldn't connect to server|Operation timed out|Temporary failure in name resolution|"
    "The requested URL returned error: 5|early EOF|RPC failed|unexpected disconnect"
)
_CERTIFICATE = (
    "SSL certificate problem|certificate verification failed|certificate subject name|"
    "certificate signer not trusted"
)
_CREDENTIALS = (
    "could not read Username|could not read Password|Authentication failed|Access denied|"
    "Invalid username or|returned error: 40[13]|Permission denied \\(|terminal prompts disabled|"
    "Permission to .* denied|The requested repository .*not found|unable to get password|"
    "Permission denied, please try again"
)
_MISSING = (
    "[Rr]epository not found|repository '.*' not found|does not appear to be a git repository|"
    "does not exist|Could not read from remote repository|"
    "project you were looking for could not be found"
)
_DAMAGED = (
    "bad object|object file .* is empty|loose object .* is corrupt|unable to read tree|"
    "missing blob|unable to read sha1 file|[Cc]ould not parse object"
)
_WORDS: tuple[tuple[str, str, str, str], ...] = (
    (
        r"detected dubious ownership|unsafe repository",
        "git refuses this repository, since it belongs to another user",
        "whoever owns it could make this user run programs of theirs",
        "run publisher as its owner, or: git config --global --add safe.directory {folder}",
    ),
    (
        r"not a git repository|must be run in a work tree",
        "there is no git repository with a working tree here",
        "",
        "run `git init` in the project, or take `git:` out of jobs.yaml",
    ),
    (
        r"HOST IDENTIFICATION HAS CHANGED",
        "the remote shows another host key than it did before",
        "its host changed it, or somebody is in between",
        (
            "compare it with what the host publishes; then, as the user of the service: "
            "ssh-keygen -R HOST, and connect once by hand"
        ),
    ),
    (
        r"Host key verification failed",
        "the remote's host key is not known to this user",
        "nobody is there to confirm it",
        (
            "connect once by hand as the user of the service, `ssh -T git@HOST`; without a shell: "
            "ssh-keyscan HOST >> ~/.ssh/known_hosts, and compare it with what the host publishes"
        ),
    ),
    (
        _CERTIFICATE,
        "the remote's certificate is not trusted",
        "{err}",
        (
            "where it is an authority of your own, as the user of the service: "
            "git config --global http.sslCAInfo FILE"
        ),
    ),
    (
        _CREDENTIALS,
        "the remote did not let us in",
        "publisher asks nobody for a password: {err}",
        "give the user of the service an SSH key, or a credential helper in its own ~/.gitconfig",
    ),
    (
        _NETWORK,
        "the remote cannot be reached",
        "{err}",
        "nothing to do if it passes: it is tried again",
    ),
    (
        r"transport '.*' not allowed",
        "the remote uses a way of transport that is switched off",
        "{err}",
        "use https, ssh or a path: others may run programs",
    ),
    (
        _MISSING,
        "the remote repository is not there, or this user may not read it",
        "{err}",
        "look at the address with `git remote -v`",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "the disk is full",
        "{err}",
        "make room; it is tried again",
    ),
    (
        r"bad config|bad numeric config|bad boolean config",
        "git cannot read its settings",
        "{err}",
        "mend the line that git names",
    ),
    (
        r"\.lock': File exists|Unable to create '.*\.lock'",
        "another git command is at work on this repository, or one was killed",
        "{err}",
        "nothing to do if it passes; else, when no git runs, remove the file that git names",
    ),
    (
        r"Permission denied|Read-only file system|insufficient permission",
        "this user may not write to the repository",
        "{err}",
        "give the user of the service the right to write to it, .git included",
    ),
    (
        _DAMAGED,
        "the repository is damaged, or part of it is missing",
        "{err}",
        "see what `git fsck` says; a fresh clone helps, or `git fetch --unshallow`",
    ),
    (
        r"is in submodule|appears as both a file and as a directory|beyond a symbolic link",
        "a file lies in a submodule, or behind a link",
        "{err}",
        "put the file itself into this repository",
    ),
    (
        r"usage: git|unknown option|unknown switch",
        "this git is too old",
        "{err}",
        "publisher needs git 2.38 or newer",
    ),
)


def explain(command: str, err: str, *, folder: Path, ignored: tuple[str, ...] = ()) -> GitError:
    """Make the error for a git command that failed with ``err`` on its standard error.

    ``ignored`` are settings of the repository that were not used; they are named where they
    may be the reason.
    """
    words = summary(err)
    for pattern, what, why, hint in _WORDS:
        if re.search(pattern, err):
            facts = {"err": words, "folder": str(folder)}
            if pattern == _CREDENTIALS and ignored:
                hint += f"; not used, since the repository supplies them: {', '.join(ignored)}"
            return GitError(
                f"git {command}: {what}", why=why.format(**facts), hint=hint.format(**facts)
            )
    return GitError(f"git {command}: {words or 'failed without a word'}")


def summary(err: str) -> str:
    """Give the telling lines of git's words as one bounded line, without credentials."""
    lines = [hide_credentials(line.strip(" \t@")) for line in err.splitlines()]  # of ssh's frames
    telling = [line for line in lines if line and not line.startswith(("hint:", "warning:"))]
    text = "; ".join(telling or [line for line in lines if line])
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _LENGTH else f"{clean[:_LENGTH]}…"
