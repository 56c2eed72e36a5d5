"""Scores and scoring models over HTTP."""

import csv
import io
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath, JSONBody

from carbot_contracts import scopes
from carbot_core import web
from carbot_core.web.pages import InvalidCursor
from carbot_crm.lead_scoring import actions, queries
from carbot_crm.lead_scoring.actions import ModelAmbiguous, ModelNotFound, RescoringRuns, RunNotFound, UnknownFeature
from carbot_crm.lead_scoring.models import (
    EntryPosition,
    Features,
    Model,
    ModelPosition,
    NewModel,
    Preview,
    Run,
    ScoreEntry,
)
from carbot_crm.leads import queries as leads
from carbot_crm.leads.actions import LeadNotFound

READ = [web.requires(scopes.LEADS_READ)]
WRITE = [web.requires(scopes.SCORING_WRITE)]
TRAINING_ROWS = 10_000


@get("/{lead_id:str}/scores", guards=READ, responses=web.problems(LeadNotFound, InvalidCursor))
async def list_scores(
    lead_id: FromPath[UUID], tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[ScoreEntry]:
    """List the scores of a lead, newest first, each with what it was counted from and what each feature added."""
    if await leads.find_lead(tx, lead_id) is None:
        raise LeadNotFound(lead=lead_id)
    keyset = web.Keyset(EntryPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id, lead_id))
    return keyset.page(await queries.list_entries(tx, lead_id, after=keyset.after, limit=keyset.fetch))


@get("/models", guards=READ, responses=web.problems(InvalidCursor))
async def list_models(
    tx: web.Tx, caller: web.Caller, limit: web.Limit = 50, cursor: web.Cursor = None
) -> web.Page[Model]:
    """List your own models, newest first. Version 1, the product's rules, is in force while none of yours is."""
    keyset = web.Keyset(ModelPosition, limit=limit, cursor=cursor, bound_to=(caller.organization_id,))
    return keyset.page(await queries.list_models(tx, after=keyset.after, limit=keyset.fetch))


@post("/models", guards=WRITE, responses=web.problems(ModelAmbiguous, UnknownFeature))
async def create_model(data: JSONBody[NewModel], tx: web.Tx, now: web.Now) -> Model:
    """Draft a model: other points and weights for the rules, or a logistic regression that you trained."""
    return await actions.create_model(tx, data, now)


@post("/models/{model_id:str}/preview", status_code=200, guards=WRITE, responses=web.problems(ModelNotFound))
async def preview_model(model_id: FromPath[UUID], tx: web.Tx) -> Preview:
    """See what a model would say of your 500 newest leads."""
    return await actions.preview_model(tx, model_id)


@post("/models/{model_id:str}/activate", status_code=200, guards=WRITE, responses=web.problems(ModelNotFound))
async def activate_model(model_id: FromPath[UUID], tx: web.Tx, now: web.Now) -> Model:
    """Score by this model from now on. To roll back, activate an earlier one, or deactivate to return to the product's."""
    return await actions.activate_model(tx, model_id, now)


@post("/models/deactivate", status_code=204, guards=WRITE)
async def deactivate_model(tx: web.Tx, now: web.Now) -> None:
    """Return to the product's rules."""
    await queries.retire_active_model(tx, now)


@post("/runs", status_code=202, guards=WRITE, responses=web.problems(RescoringRuns))
async def start_run(tx: web.Tx, now: web.Now) -> Run:
    """Score all leads again by the model in force; see the run for how far it is."""
    return await actions.start_run(tx, now)


@get("/runs/{run_id:str}", guards=READ, responses=web.problems(RunNotFound))
async def read_run(run_id: FromPath[UUID], tx: web.Tx) -> Run:
    """See how far a rescoring is."""
    run = await queries.find_run(tx, run_id)
    if run is None:
        raise RunNotFound(run=run_id)
    return run


@get("/training-data.csv", guards=WRITE, media_type="text/csv")
async def read_training_data(tx: web.Tx) -> Response[str]:
    """Read the last features of your 10 000 newest leads that were won or lost, and which they were: nothing personal."""
    rows = await queries.list_training(tx, after=None, limit=TRAINING_ROWS, ended=True)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["lead_id", "created_at", *Features.__struct_fields__, "converted"])
    for row in rows:
        values = msgspec.structs.astuple(row.features)
        writer.writerow([row.lead_id, row.created_at.isoformat(), *values, int(row.converted)])
    return Response(
        text.getvalue(),
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="training-data.csv"'},
    )


LEAD_SCORING = Router(
    "/api/crm/v1/lead-scoring",
    route_handlers=[
        list_models,
        create_model,
        preview_model,
        activate_model,
        deactivate_model,
        start_run,
        read_run,
        read_training_data,
    ],
)
SCORES = Router("/api/crm/v1/leads", route_handlers=[list_scores])
