"""The whole system as its callers meet it: a devhost process, spoken to over HTTP."""
