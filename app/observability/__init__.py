"""What operators see: logs, metrics, traces and the audit trail."""
