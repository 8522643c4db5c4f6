"""Run the migrations on the connection, and in the transaction, that the ledger hands over."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # ours begins with BEGIN IMMEDIATE, so SQLite rolls DDL back too
)
with context.begin_transaction():
    context.run_migrations()
