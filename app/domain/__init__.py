"""What the service knows: devices, sessions, the access token, the errors, and what it needs."""
