"""How we talk to Amazon Cognito. Knows nothing of HTTP towards our callers."""
