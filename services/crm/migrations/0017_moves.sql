-- A customer who goes on as another takes along what was said and written; the send gate reads what both said of advertising.
GRANT UPDATE (customer_id) ON crm.chat_sessions TO crm_api, crm_worker;
GRANT UPDATE (customer_id) ON crm.customer_communications TO crm_api;
GRANT SELECT ON crm.customer_merges TO crm_worker;
