"""What the git program does for a site: pull, commit a release, push, fill the deploy branch.

``run`` runs git, ``safe_config`` switches off what a repository could make it run, ``locks``
keeps others out, ``merge`` brings ours and theirs together without any file, ``checkout`` takes
the files along, ``deploy_branch`` holds the staged site.
"""

from publisher.site.git.repository import Pulled, Pushed, Repository

__all__ = ["Pulled", "Pushed", "Repository"]
