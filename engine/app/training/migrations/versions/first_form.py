"""The first form of the store"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


NEVER_CHANGE = {
    "sqlite": (
        """CREATE TRIGGER events_never_change BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events never change'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION events_never_change() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'events never change'; END $$""",
        """CREATE TRIGGER events_never_change BEFORE UPDATE ON events
        FOR EACH ROW EXECUTE FUNCTION events_never_change()""",
    ),
}


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("folder", sa.String(), nullable=True),
        sa.Column("published_s", sa.Double(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_trial", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_table(
        "exposure",
        sa.Column("sitting", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sitting", "case_id"),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("until_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "items",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("step_sd", sa.Double(), nullable=False),
        sa.Column("slope", sa.Double(), nullable=False),
        sa.Column("slope_sd", sa.Double(), nullable=False),
        sa.Column("guess", sa.Double(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "task"),
    )
    op.create_table(
        "launch_nonces",
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("until_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
    )
    op.create_table(
        "trainees",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_educator", sa.Boolean(), nullable=False),
        sa.Column("since_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "devices",
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("since_s", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_sha256"),
    )
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_devices_trainee"), ["trainee"], unique=False)

    op.create_table(
        "grades",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("line_item", sa.String(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("sent_s", sa.Double(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    with op.batch_alter_table("grades", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grades_trainee"), ["trainee"], unique=False)

    op.create_table(
        "launches",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("line_item", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    with op.batch_alter_table("launches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_launches_trainee"), ["trainee"], unique=False)

    op.create_table(
        "reviews",
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("concept", sa.String(), nullable=False),
        sa.Column("due_s", sa.Double(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trainee", "concept"),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reviews_due_s"), ["due_s"], unique=False)

    op.create_table(
        "sittings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("began_s", sa.Double(), nullable=False),
        sa.Column("ended_s", sa.Double(), nullable=True),
        sa.Column("ended", sa.String(), nullable=True),
        sa.CheckConstraint("mode IN ('practice', 'exam')", name="mode"),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("sittings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sittings_trainee"), ["trainee"], unique=False)

    op.create_table(
        "statements",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_s", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent_s", sa.Double(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("statements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_statements_made_s"), ["made_s"], unique=False)
        batch_op.create_index(batch_op.f("ix_statements_trainee"), ["trainee"], unique=False)

    op.create_table(
        "readings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("sitting", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("case_version", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("is_try", sa.Boolean(), nullable=False),
        sa.Column("began_s", sa.Double(), nullable=False),
        sa.Column("next_event", sa.Integer(), nullable=False),
        sa.Column("revealed_s", sa.Double(), nullable=True),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("told", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id", "case_version"],
            ["cases.id", "cases.version"],
        ),
        sa.ForeignKeyConstraint(["sitting"], ["sittings.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("readings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_readings_sitting"), ["sitting"], unique=False)
        batch_op.create_index(batch_op.f("ix_readings_trainee"), ["trainee"], unique=False)
        batch_op.create_index("readings_of_case", ["case_id"], unique=False)

    op.create_table(
        "abilities",
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("scale", sa.String(), nullable=False),
        sa.Column("reading", sa.String(), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("error", sa.Double(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["reading"], ["readings.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trainee", "scale", "reading"),
    )
    op.create_table(
        "events",
        sa.Column("reading", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("kept_s", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["reading"], ["readings.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reading", "n"),
    )
    op.create_table(
        "responses",
        sa.Column("reading", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("trainee", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("scale", sa.String(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["reading"], ["readings.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trainee"], ["trainees.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reading", "task"),
    )
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_responses_trainee"), ["trainee"], unique=False)
        batch_op.create_index("responses_of_item", ["case_id", "task"], unique=False)
    for statement in NEVER_CHANGE[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.drop_index("responses_of_item")
        batch_op.drop_index(batch_op.f("ix_responses_trainee"))

    op.drop_table("responses")
    op.drop_table("events")
    op.drop_table("abilities")
    with op.batch_alter_table("readings", schema=None) as batch_op:
        batch_op.drop_index("readings_of_case")
        batch_op.drop_index(batch_op.f("ix_readings_trainee"))
        batch_op.drop_index(batch_op.f("ix_readings_sitting"))

    op.drop_table("readings")
    with op.batch_alter_table("statements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_statements_trainee"))
        batch_op.drop_index(batch_op.f("ix_statements_made_s"))

    op.drop_table("statements")
    with op.batch_alter_table("sittings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sittings_trainee"))

    op.drop_table("sittings")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reviews_due_s"))

    op.drop_table("reviews")
    with op.batch_alter_table("launches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_launches_trainee"))

    op.drop_table("launches")
    with op.batch_alter_table("grades", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grades_trainee"))

    op.drop_table("grades")
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_devices_trainee"))

    op.drop_table("devices")
    op.drop_table("trainees")
    op.drop_table("launch_nonces")
    op.drop_table("items")
    op.drop_table("grants")
    op.drop_table("exposure")
    op.drop_table("cases")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION events_never_change")
