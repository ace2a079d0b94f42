"""The API process: GraphQL over HTTP and WebSocket for the people who ask for exports and watch them.

Every operation runs in the database under its user's role; who may see or do what is decided there (`schema.sql`).
"""
