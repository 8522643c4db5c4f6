"""Schema changes of the ledger; run by ``ledger.database``, without an ``alembic.ini``."""
