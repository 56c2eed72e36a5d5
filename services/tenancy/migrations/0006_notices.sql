-- What owners are told of.
-- squawk-ignore ban-drop-constraint
ALTER TABLE tenancy.mails DROP CONSTRAINT mails_template;
-- Every template that was allowed still is: the rows are valid.
ALTER TABLE tenancy.mails
    -- squawk-ignore constraint-missing-not-valid
    ADD CONSTRAINT mails_template CHECK (
        template IN (
            'registration', 'invitation', 'password_reset', 'email_change', 'email_changed', 'password_changed',
            'second_factor_changed', 'webhook_disabled'
        )
    );
GRANT INSERT ON tenancy.mails TO tenancy_worker;
