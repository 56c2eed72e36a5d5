SELECT core.add_standing('billing');
UPDATE billing.tenants t
SET status = o.status, version = o.version
FROM billing.organizations o
WHERE o.organization_id = t.organization_id;
