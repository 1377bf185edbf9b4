"""What gunicorn serves: `app.wsgi:app`, made from the environment."""

import sys

from botocore.exceptions import BotoCoreError

from app.factory import create_app
from app.settings import Settings

try:
    app = create_app(Settings.from_environ())
except BotoCoreError as error:
    sys.exit(f"device-bff: an AWS_* variable is wrong: {error}")
