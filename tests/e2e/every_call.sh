#!/usr/bin/env bash
# Every call of the API for a user, in one pass with curl, each with its status line and its answer.
#
#   BASE              where the API is, as http://127.0.0.1:8000
#   TOKEN             an access token of a device that is not tracked yet
#   DEVICE_KEY        that device's key, and
#   DEVICE_GROUP_KEY  its group key: NewDeviceMetadata of the sign-in
#   OTHER_TOKEN       an access token of another device of the same user, tracked already
#   THIRD_KEY         the key of a third one, also tracked
#
# Forgets every device of the user, and signs them out everywhere.
set -euo pipefail
: "${BASE:?}" "${TOKEN:?}" "${DEVICE_KEY:?}" "${DEVICE_GROUP_KEY:?}"
: "${OTHER_TOKEN:?}" "${THIRD_KEY:?}"

number=0
head=$(mktemp)
trap 'rm -f "$head"' EXIT

# call TOKEN METHOD PATH [JSON]
call() {
    number=$((number + 1))
    printf '\n%2d  %s %s%s\n' "$number" "$2" "$3" "${4:+  $4}"
    body=$(curl --silent --show-error --max-time 60 --dump-header "$head" --request "$2" \
        --header "Authorization: Bearer $1" \
        ${4:+--header 'Content-Type: application/json' --data "$4"} "$BASE$3")
    printf '    %s\n' "$(head -n 1 "$head" | tr -d '\r')"
    [ -z "$body" ] || sed 's/^/    /' <<<"$body"
}

call "$TOKEN" POST /devices \
    "{\"deviceKey\": \"$DEVICE_KEY\", \"deviceGroupKey\": \"$DEVICE_GROUP_KEY\"}"
call "$TOKEN" GET '/devices?limit=2'
call "$TOKEN" GET "/devices/$THIRD_KEY"
call "$TOKEN" GET /devices/current
call "$TOKEN" PATCH "/devices/$THIRD_KEY" '{"status": "not_remembered"}'
call "$TOKEN" PATCH /devices/current '{"status": "remembered"}'
call "$TOKEN" DELETE "/devices/$THIRD_KEY"
call "$TOKEN" DELETE /devices/current
call "$OTHER_TOKEN" GET /sessions
session=$(grep -o '"id": *"[a-z0-9]*", *"sessionType": *"token", *"current": *false' <<<"$body" |
    head -n 1 | cut -d '"' -f 4)
call "$OTHER_TOKEN" DELETE "/sessions/$session?linked=true"
call "$OTHER_TOKEN" DELETE '/sessions?scope=others'
call "$OTHER_TOKEN" DELETE '/devices?scope=others'
call "$OTHER_TOKEN" DELETE '/devices?scope=all'
call "$OTHER_TOKEN" POST /devices/sign-out
