"""Who is calling: Cognito access tokens and their verification."""
