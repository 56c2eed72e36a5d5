-- carbot: no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY customer_communications_vehicle
ON crm.customer_communications (organization_id, vehicle_id, created_at DESC, id DESC);
