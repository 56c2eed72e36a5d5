"""The page itself."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CarBot interfaces</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color: #1c2733; }
a { color: #0b5cad; }
code { background: #eef2f6; padding: .1rem .3rem; }
</style>
</head>
<body>
<h1>CarBot interfaces</h1>
<p>Each service describes its interface as an OpenAPI 3.1 document.</p>
<ul>
<li><a href="/api/tenancy/v1/openapi.json">tenancy</a>: organisations, workshops, members, signing in, API keys</li>
<li><a href="/api/crm/v1/openapi.json">crm</a>: leads, customers, vehicles</li>
<li><a href="/api/billing/v1/openapi.json">billing</a>: plans, subscriptions, invoices</li>
<li><a href="/api/compliance/v1/openapi.json">compliance</a>: audit log, data protection</li>
</ul>
<p>Access tokens are signed with the keys in <a href="/.well-known/jwks.json"><code>/.well-known/jwks.json</code></a>.</p>
</body>
</html>
"""
