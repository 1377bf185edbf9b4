"""What gunicorn serves: `app.wsgi:app`, made from the environment."""

from app import create_app
from app.observability import audit
from app.settings import Settings

settings = Settings.from_environ()
audit.configure(settings.audit_log)
app = create_app(settings)
