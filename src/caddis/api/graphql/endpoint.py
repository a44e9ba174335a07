"""POST /graphql: one document, its variables, and an answer that is 200 whatever happened (facts: flyctl-calls 1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.responses import Response

from caddis.api.call import Call, reply
from caddis.domain.errors import Forbidden, Problem, Refused, TooLarge
from caddis.telemetry.log import note_bug
from caddis.wire.graphql import error_to_graphql

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLError, GraphQLResolveInfo, GraphQLSchema

    Info: TypeAlias = GraphQLResolveInfo["Asked"]

_MOST_TOKENS = 2000  # of a document; flyctl's longest has about 300
_MOST_OBJECTS = 5_000  # in one answer: types point at one another, so short documents can ask for a great deal


@dataclass
class Asked:
    """What resolvers are handed. `variables` as they came, also those that the document does not declare."""

    call: Call
    variables: dict[str, Any]
    left: int = _MOST_OBJECTS

    def spend(self, objects: int) -> None:
        """TooLarge once the answer would have too many objects."""
        self.left -= objects
        if self.left < 0:
            raise TooLarge(f"this asks for more than {_MOST_OBJECTS} objects: ask for less at a time")

    def check_may_write(self) -> None:
        """Forbidden for a token that is read-only."""
        if self.call.caller.read_only:
            raise Forbidden(f"token {self.call.caller.name!r} is read-only: it cannot change anything")


async def ask(call: Call) -> Response:
    """Answer a GraphQL document: the body has `query`, and may have `variables` and `operationName`."""
    from graphql import GraphQLError, parse

    from caddis.api.graphql.schema import complaints, load_schema

    body = await call.document()
    query, variables, name = body.get("query"), body.get("variables") or {}, body.get("operationName")
    if not isinstance(query, str) or not isinstance(variables, dict) or not isinstance(name, str | None):
        raise Refused("the body of a GraphQL request has a query, and may have variables and an operationName")
    schema = load_schema()
    try:
        document = parse(query, max_tokens=_MOST_TOKENS)
    except (GraphQLError, RecursionError) as unreadable:
        return reply({"errors": [{"message": f"the query cannot be read: {unreadable}"}]})
    wrong = complaints(schema, document)
    if wrong:
        return reply({"errors": [{"message": error.message} for error in wrong]})
    return reply(await _execute(schema, document, Asked(call, variables), operation=name or None))


async def _execute(
    schema: GraphQLSchema, document: DocumentNode, asked: Asked, *, operation: str | None
) -> dict[str, Any]:
    from inspect import isawaitable

    from graphql import ExecutionResult, execute

    begun = execute(schema, document, context_value=asked, variable_values=asked.variables, operation_name=operation)
    result = await begun if isawaitable(begun) else begun
    assert isinstance(result, ExecutionResult)
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [_tell(asked.call, error) for error in result.errors]}


def _tell(call: Call, error: GraphQLError) -> dict[str, Any]:
    path = {"path": error.path} if error.path else {}
    cause = error.original_error
    if cause is None:
        return {"message": error.message, **path}
    if isinstance(cause, Problem):
        return {**error_to_graphql(cause), **path}
    incident = str(call.request.scope["caddis_request_id"])
    note_bug("resolver failed", cause, incident=incident, path=str(error.path))
    return {"message": f"something went wrong on our side (incident {incident})", **path}
