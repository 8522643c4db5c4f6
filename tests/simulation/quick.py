"""Run the ledger's own statements on SQLite without SQLAlchemy's cost for each of them.

SQLAlchemy writes the SQL, once for each form of statement, and converts what goes in and comes
out; only the way between is shorter. That makes a world three to four times as fast.
"""

from __future__ import annotations

import re
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import ClauseElement

from publisher.ledger.schema import Instant

Out = tuple[int, Callable[[Any], Any]]  # a column's place, and the way out of it
MANY = 5_000  # statements kept; most are made anew each time and never come back
_DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")


class Form:
    """One form of statement: its SQL, and the ways in and out of it."""

    __slots__ = ("compiled", "ins", "lists", "make_row", "outs", "sql")

    def __init__(self, statement: ClauseElement, cache_key: Any) -> None:
        compiled: Any = statement.compile(dialect=_DIALECT, cache_key=cache_key)
        self.compiled = compiled
        self.sql = compiled.string
        self.lists = set(re.findall(r"__\[POSTCOMPILE_(\w+)\]", compiled.string))
        ways = compiled._bind_processors
        self.ins = [(name, ways.get(name)) for name in compiled.positiontup or ()]
        columns = compiled._result_columns
        self.outs = [
            (number, out)
            for number, column in enumerate(columns)
            if (out := _out_of(column.type)) is not None
        ]
        keys = [column.keyname for column in columns]
        self.make_row = namedtuple("Row", keys, rename=True)._make  # noqa: PYI024

    def constants(self, cache_key: Any) -> dict[str, Any]:
        """Give the values that stand in the statement itself."""
        found: dict[str, Any] = self.compiled.construct_params(
            extracted_parameters=cache_key.bindparams, escape_names=False, _check=False
        )
        return found

    def fill(self, found: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Give the SQL and its values; the list of an ``IN`` becomes as many of both."""
        if self.lists:
            return self._fill_lists(found)
        values = [found[name] if way is None else way(found[name]) for name, way in self.ins]
        return self.sql, values

    def _fill_lists(self, found: Mapping[str, Any]) -> tuple[str, list[Any]]:
        sql, values = self.sql, []
        for name, way in self.ins:
            if name in self.lists:
                values += found[name]
                marks = ", ".join("?" * len(found[name]))
                sql = sql.replace(f"__[POSTCOMPILE_{name}]", marks)
            else:
                values.append(found[name] if way is None else way(found[name]))
        return sql, values


def _out_of(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):  # most values are: no way round through SQLAlchemy
        return partial(kind.process_result_value, dialect=_DIALECT)
    out: Callable[[Any], Any] | None = kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return out


class Rows:
    """As much of SQLAlchemy's result as the ledger uses."""

    __slots__ = ("_cursor", "_make_row", "_outs")

    def __init__(
        self, cursor: sqlite3.Cursor, make_row: Callable[[Any], Any], outs: Sequence[Out] = ()
    ) -> None:
        self._cursor, self._make_row, self._outs = cursor, make_row, outs

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def all(self) -> list[Any]:
        return [self._read(row) for row in self._cursor.fetchall()]

    def first(self) -> Any:
        row = self._cursor.fetchone()
        return None if row is None else self._read(row)

    def one(self) -> Any:
        row = self.first()
        if row is None:
            raise LookupError("no row")
        return row

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> list[Any]:
        return [row[0] for row in self.all()]

    def mappings(self) -> Mappings:
        return Mappings(self)

    def _read(self, row: tuple[Any, ...]) -> Any:
        if not self._outs:
            return self._make_row(row)
        values = list(row)
        for number, out in self._outs:
            if (value := values[number]) is not None:
                values[number] = out(value)
        return self._make_row(values)


class Mappings:
    __slots__ = ("_rows",)

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def all(self) -> list[dict[str, Any]]:
        return [row._asdict() for row in self._rows.all()]

    def first(self) -> dict[str, Any] | None:
        row = self._rows.first()
        return None if row is None else row._asdict()


class Quick:
    """As much of SQLAlchemy's connection as the ledger uses."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._forms: dict[Any, Form] = {}
        self._plain: dict[str, Callable[[Any], Any]] = {}
        # The statements that were asked for last, with their form and what stands in them.
        self._known: dict[int, tuple[ClauseElement, Form, dict[str, Any]]] = {}

    def execute(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> Rows:
        known = self._known.get(id(statement))
        if known is None or known[0] is not statement:
            known = self._learn(statement)
        _, form, constants = known
        sql, values = form.fill({**constants, **params} if params else constants)
        return Rows(self._connection.execute(sql, values), form.make_row, form.outs)

    def _learn(self, statement: ClauseElement) -> tuple[ClauseElement, Form, dict[str, Any]]:
        cache_key = statement._generate_cache_key()
        form = self._forms.get(cache_key.key)
        if form is None:
            form = self._forms[cache_key.key] = Form(statement, cache_key)
        if len(self._known) > MANY:
            self._known.clear()
        known = (statement, form, form.constants(cache_key))
        self._known[id(statement)] = known
        return known

    def exec_driver_sql(self, sql: str) -> Rows:
        cursor = self._connection.execute(sql)
        if sql not in self._plain:
            names = [column[0] for column in cursor.description or ()]
            self._plain[sql] = namedtuple("Row", names, rename=True)._make  # noqa: PYI024
        return Rows(cursor, self._plain[sql])
