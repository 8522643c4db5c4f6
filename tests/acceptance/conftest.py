"""Sites that many tests need are made once for each worker and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.sites import Site, a_faulty_site, a_lived_in_site
from tests.platforms.server import Fault
from tests.platforms.webhook import WebhookPlatform


@pytest.fixture(scope="session")
def _lived_in(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return a_lived_in_site(tmp_path_factory.mktemp("lived-in") / "site")


@pytest.fixture
def lived_in(_lived_in: Site, tmp_path: Path) -> Site:
    """Give a site of one's own: adopted, with `pattern` released and announced."""
    return a_copy(_lived_in, tmp_path / "lived-in")


@pytest.fixture(scope="session")
def _refused(tmp_path_factory: pytest.TempPathFactory) -> Site:
    with WebhookPlatform() as platform:
        return a_faulty_site(tmp_path_factory.mktemp("refused"), platform, Fault.refuse(400))


@pytest.fixture
def refused(_refused: Site, tmp_path: Path) -> Site:
    """Give a site of one's own with an announcement that was refused for good."""
    return a_copy(_refused, tmp_path / "refused")


def a_copy(site: Site, folder: Path) -> Site:
    shutil.copytree(site.folder, folder)
    return Site(folder=folder)
