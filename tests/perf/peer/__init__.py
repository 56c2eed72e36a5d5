"""The same work as most would build it: FastAPI, Pydantic, SQLAlchemy's ORM, PyJWT and OpenTelemetry's own middleware on uvicorn.

Two routes with the same paths, tokens, row-security transaction, rows and answers as crm's; no idempotency, revocations or problem documents,
which makes its work the lighter one.
"""
