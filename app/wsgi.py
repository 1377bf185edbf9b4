"""What gunicorn serves: `app.wsgi:app`, made from the environment."""

import gc

from app import create_app
from app.observability import audit
from app.settings import Settings

settings = Settings.from_environ()
audit.configure(settings.audit_log)
app = create_app(settings)

# What is made by now stays: without it, each full collection takes a tenth of the time.
gc.freeze()
