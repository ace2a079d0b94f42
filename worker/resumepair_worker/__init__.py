"""The worker process: claim an export, render it, store it, publish it; retry and rescue.

What it does to a job, it does through the SQL functions of `schema.sql`; how a document becomes a PDF is left to
`resumepair_renderer`.
"""
