"""What the git program does for a site: pull, commit a release, push, fill the deploy branch.

``program`` runs git, ``trust`` switches off what a repository could make it run, ``workplace``
keeps others out, ``sides`` brings ours and theirs together, ``moving`` takes the working tree
along, ``branches`` knows the deploy branch.
"""

from publisher.site.git.repository import Pulled, Pushed, Repository

__all__ = ["Pulled", "Pushed", "Repository"]
