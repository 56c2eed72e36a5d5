SELECT core.add_standing('crm');
UPDATE crm.tenants t
SET status = o.status, version = o.version
FROM crm.organizations o
WHERE o.organization_id = t.organization_id;
