"""What gunicorn serves: `app.wsgi:app`, made from the environment."""

from app import create_app
from app.settings import Settings

app = create_app(Settings.from_environ())
