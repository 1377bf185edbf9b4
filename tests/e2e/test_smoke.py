"""placeholder until e2e tests land"""

import requests


def test_devices(cognito, service):
    token = cognito.control("POST", "/_local/sign-in", username="demo", device_name="X")["access_token"]
    answer = requests.get(
        service.url + "/devices", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert answer.status_code == 200
    assert answer.json()["items"][0]["name"] == "X"
