"""`/graphql`: what flyctl asks there. The schema comes first; the resolvers are thin, as endpoints are."""
