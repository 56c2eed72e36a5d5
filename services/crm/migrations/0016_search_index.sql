-- carbot: no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY leads_search ON crm.leads USING gin (organization_id, search gin_trgm_ops);
