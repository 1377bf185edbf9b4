"""Device BFF: a user's devices and sessions in Amazon Cognito, for any frontend."""

VERSION = "1.0.0"
