"""What gunicorn serves: `app.wsgi:app`, made from the environment."""

from app import create_app
from app.observability import logs
from app.settings import Settings

settings = Settings.from_environ()
logs.configure(settings.log_level, settings.log_format)
app = create_app(settings)
