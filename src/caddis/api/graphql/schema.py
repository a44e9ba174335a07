"""The schema with its resolvers, made once, when it is first asked: nobody who only speaks REST pays for it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ariadne import MutationType, ObjectType, QueryType, UnionType, make_executable_schema
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoUnusedVariablesRule,
    VariablesInAllowedPositionRule,
    specified_rules,
    validate,
)

from caddis.api.graphql import apps, mutations, queries

# Releases of flyctl differ in how they type a variable (String, String!, ID), and some declare more than they use.
_TOLERATED = (NoUnusedVariablesRule, VariablesInAllowedPositionRule)
_RULES = tuple(rule for rule in specified_rules if rule not in _TOLERATED)
_MOST_COMPLAINTS = 10


@cache
def load_schema() -> GraphQLSchema:
    """schema.graphql and the resolvers behind it."""
    query, mutation = QueryType(), MutationType()
    for name, resolver in queries.QUERIES.items():
        query.set_field(name, resolver)
    for name, resolver in mutations.MUTATIONS.items():
        mutation.set_field(name, resolver)
    types = []
    for kind, fields in (("App", apps.APP), ("Organization", apps.ORGANIZATION)):
        type = ObjectType(kind)
        for name, resolver in fields.items():
            type.set_field(name, resolver)
        types.append(type)
    principal = UnionType("Principal", lambda _value, *_rest: "User")
    node = queries.NODE
    text = files(__package__).joinpath("schema.graphql").read_text()
    return make_executable_schema(text, query, mutation, principal, node, *types)


def complaints(schema: GraphQLSchema, document: DocumentNode) -> list[GraphQLError]:
    """What does not fit the schema."""
    return validate(schema, document, _RULES, max_errors=_MOST_COMPLAINTS)
