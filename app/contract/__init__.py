"""The published contract: the OpenAPI document and the page that shows it."""
