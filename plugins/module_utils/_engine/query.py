# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""JMESPath over listings, as users of the AWS command line know it."""
from __future__ import annotations

from . import dependencies
from .errors import EngineError


def parse(expression: str):
    """The parsed expression. EngineError "query-invalid"."""
    jmespath = dependencies.jmespath()
    try:
        return jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as exc:
        raise _invalid(expression, exc) from exc


def search(parsed, data):
    """What the expression finds in data. EngineError "query-invalid" where it does not fit the data."""
    jmespath = dependencies.jmespath()
    try:
        return parsed.search(data)
    except jmespath.exceptions.JMESPathError as exc:
        raise _invalid(parsed.expression, exc) from exc


def _invalid(expression: str, exc: Exception) -> EngineError:
    return EngineError(
        "query-invalid", f"The query {expression[:200]!r} is not a JMESPath expression that fits: {str(exc).splitlines()[0]}",
        "Write it as for the query option of AWS command line tools, for example [?kind=='manual'].id.")
