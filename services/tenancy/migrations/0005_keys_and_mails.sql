-- Mails of accounts too, and mails that were not sent because the address had got too many of the kind.
ALTER TABLE tenancy.mails
    -- When its letter was first written: a mail that is tried again counts once.
    ADD COLUMN written_at timestamptz,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT mails_template,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT mails_state;
-- Every template and state that was allowed still is: the rows are valid.
ALTER TABLE tenancy.mails
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT mails_template CHECK (
        template IN (
            'registration', 'invitation', 'password_reset', 'email_change', 'email_changed', 'password_changed',
            'second_factor_changed'
        )
    ),
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT mails_state CHECK (state IN ('queued', 'sent', 'failed', 'suppressed'));
-- The text and the ids that it is made of are nobody's to read over HTTP.
GRANT SELECT (organization_id, id, template, recipient, locale, state, attempts, sent_at, created_at)
ON tenancy.mails TO tenancy_api;
GRANT UPDATE (written_at) ON tenancy.mails TO tenancy_worker;

-- How many mails of a template an address got lately, whichever organisation they are of: the key is the SHA-256 of both.
CREATE TABLE tenancy.mail_counts (
    hash bytea NOT NULL,
    mails bigint NOT NULL,
    window_ends_at timestamptz NOT NULL,
    CONSTRAINT mail_counts_pkey PRIMARY KEY (hash)
);

CREATE INDEX mail_counts_window ON tenancy.mail_counts (window_ends_at);
GRANT SELECT, INSERT, UPDATE (mails, window_ends_at), DELETE ON tenancy.mail_counts TO tenancy_worker;
