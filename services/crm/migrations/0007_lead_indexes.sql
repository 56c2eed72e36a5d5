-- carbot: no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY idx_leads_hot_prospects
ON crm.leads (organization_id, workshop_id, lead_score DESC, created_at DESC, id DESC)
WHERE status IN ('new', 'contacted', 'qualified') AND lead_score >= 70;
-- next
CREATE INDEX CONCURRENTLY leads_dashboard ON crm.leads (organization_id, created_at DESC)
INCLUDE (workshop_id, status, source, lead_score, classification, first_response_at, converted_at);
-- next
CREATE INDEX CONCURRENTLY leads_customer ON crm.leads (organization_id, customer_id, created_at DESC, id DESC);
-- next
CREATE INDEX CONCURRENTLY leads_vehicle ON crm.leads (organization_id, vehicle_id, created_at DESC, id DESC);
-- next
ALTER TABLE crm.lead_interactions VALIDATE CONSTRAINT lead_interactions_kind;
-- next
ALTER TABLE crm.leads VALIDATE CONSTRAINT leads_score;
-- next
ALTER TABLE crm.leads VALIDATE CONSTRAINT leads_classification;
-- next
ALTER TABLE crm.leads VALIDATE CONSTRAINT leads_urgency_class;
-- next
ALTER TABLE crm.leads VALIDATE CONSTRAINT leads_customer;
-- next
ALTER TABLE crm.leads VALIDATE CONSTRAINT leads_vehicle;
