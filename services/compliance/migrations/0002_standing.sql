SELECT core.add_standing('compliance');
UPDATE compliance.tenants t
SET status = o.status, version = o.version
FROM compliance.organizations o
WHERE o.organization_id = t.organization_id;
