"""What botocore knows of cognito-idp: its address, the head of each request, how errors are read.

botocore's own call puts an event system and its HTTP session around the same parts, for twice the
CPU of all of them. Requests are unsigned and no AWS credentials are looked for: the operations
authenticate by the user's access token alone (`auth: smithy.api#noAuth` in the botocore model).
"""

import json
import os
from typing import Any

import boto3
import botocore.session
import orjson
from botocore import UNSIGNED
from botocore.config import Config
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from app.cognito.answers import UnreadableAnswer
from app.cognito.errors import Refused
from app.cognito.transport import Answer
from app.domain.operations import OPERATIONS, Operation
from app.settings import Settings

USER_AGENT = f"device-bff Botocore/{botocore.__version__}"

_NO_FILE = (None, None, os.devnull, None)
_WITHOUT_FILES: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": _NO_FILE,
    "credentials_file": _NO_FILE,
}
"""For a botocore session: what is in ~/.aws is of no use here, and stops no start if wrong."""


class Endpoint:
    """cognito-idp in its region, or what stands at COGNITO_ENDPOINT_URL. `headers`: of each
    operation."""

    def __init__(self, settings: Settings) -> None:
        without_files = botocore.session.Session(session_vars=_WITHOUT_FILES)
        client = boto3.Session(botocore_session=without_files).client(
            "cognito-idp",
            region_name=settings.cognito_region,
            endpoint_url=settings.cognito_endpoint_url,
            config=Config(
                signature_version=UNSIGNED,
                ignore_configured_endpoint_urls=True,
                defaults_mode="legacy",  # "auto" would ask EC2 where this machine is
            ),
        )
        # By botocore's rules of endpoints; without a signature it is the plain URL.
        self.url = client.generate_presigned_url("global_sign_out", {"AccessToken": "none"})
        model = client.meta.service_model
        serializer = create_serializer(model.resolved_protocol, include_validation=False)
        self._error_parser = create_parser(model.resolved_protocol)
        # What is kept of each operation: the model as a whole takes 8 MB.
        self.headers: dict[Operation, dict[str, str]] = {}
        for operation in OPERATIONS:
            modelled = model.operation_model(operation.name)
            head = serializer.serialize_to_request({}, modelled)["headers"]
            self.headers[operation] = {**head, "User-Agent": USER_AGENT}

    def members(self, answer: Answer) -> dict[str, Any]:
        """The members of an answer, as JSON has them: `app.cognito.answers` reads them.

        Raises:
            Refused: it is an error.
            UnreadableAnswer, ValueError, ResponseParserError: Cognito would not answer that.
        """
        if answer.status >= 500:  # that says enough; botocore chokes on some of their bodies
            raise Refused(answer.status, "", "")
        if answer.status >= 400:
            told = {"headers": answer.headers, "status_code": answer.status, "body": answer.body}
            error = self._error_parser.parse(told, None).get("Error", {})
            raise Refused(answer.status, str(error.get("Code")), str(error.get("Message", "")))
        if answer.status != 200:
            raise UnreadableAnswer("neither a success nor an error of Cognito's")
        try:
            members = orjson.loads(answer.body or b"{}")
        except orjson.JSONDecodeError:
            members = json.loads(answer.body)  # takes half a surrogate pair, which a name may hold
        if not isinstance(members, dict):
            raise UnreadableAnswer("no object")
        return members
