#!/usr/bin/env bash
# Contender (b) of the bench: the rotation as an expert writes it with openssl, curl, jq and gh.
# No secret is an argument of a program: they travel by files that only we can read, or by standard input.
set -euo pipefail
umask 077

: "${AUTH0_DOMAIN:?}" "${CLIENT_ID:?}" "${MANAGEMENT_CLIENT_ID:?}" "${MANAGEMENT_CLIENT_SECRET:?}"
: "${MTLS_TOKEN_URL:?}" "${AUDIENCE:?}" "${REPOSITORY:?}" "${SECRET_NAME:?}" "${GH_HOST:?}"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# The key and a self-signed certificate.
cat >req.cnf <<CNF
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = $CLIENT_ID
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
CNF
openssl req -x509 -newkey rsa:2048 -noenc -sha256 -days 90 -config req.cnf -keyout key.pem -out cert.pem 2>openssl.log ||
  { cat openssl.log >&2; exit 1; }
cat key.pem cert.pem >pair.pem

# A Management API token.
token=$(jq -n '{grant_type: "client_credentials", client_id: env.MANAGEMENT_CLIENT_ID,
    client_secret: env.MANAGEMENT_CLIENT_SECRET, audience: "https://\(env.AUTH0_DOMAIN)/api/v2/"}' |
  curl -fsS --retry 3 --json @- "https://$AUTH0_DOMAIN/oauth/token" | jq -er .access_token)
printf 'authorization: Bearer %s\n' "$token" >authorization

api() { # METHOD PATH, a body by standard input
  local body=()
  if [[ $1 != GET ]]; then body=(--json @-); fi
  curl -fsS --retry 3 -X "$1" --header @authorization "${body[@]}" "https://$AUTH0_DOMAIN/api/v2/clients/$CLIENT_ID$2"
}

prove() { # PAIR: it gets a token. Auth0 may need a moment.
  curl -fsS --retry 5 --retry-all-errors --cert "$1" "$MTLS_TOKEN_URL" \
    --data-urlencode grant_type=client_credentials --data-urlencode "client_id=$CLIENT_ID" \
    --data-urlencode "audience=$AUDIENCE" | jq -e .access_token >/dev/null
}

# As the action proves: the pair in use before anything changes, and the new one once more on another connection.
if [[ -n ${CURRENT_CREDENTIAL:-} ]]; then
  printf '%s' "$CURRENT_CREDENTIAL" >current.pem
  prove current.pem
fi

# What the client authenticates with now: the newest of its credentials.
api GET '?fields=client_id,client_authentication_methods&include_fields=true' >client.json
api GET /credentials >pool.json
current=$(jq -er --slurpfile pool pool.json '
  [.client_authentication_methods.self_signed_tls_client_auth.credentials[].id] as $ids |
  [$pool[0][] | select(IN(.id; $ids[]))] | max_by(.created_at).id' client.json)

# The new credential, beside the current one.
created=$(jq -n --rawfile pem cert.pem --arg name "rotation $(date -u +%FT%TZ)" '{credential_type: "x509_cert", $name, $pem}' |
  api POST /credentials | jq -er .id)
jq -n --arg current "$current" --arg created "$created" \
  '{client_authentication_methods: {self_signed_tls_client_auth: {credentials: [{id: $current}, {id: $created}]}}}' |
  api PATCH '' >/dev/null

prove pair.pem
if [[ -n ${CURRENT_CREDENTIAL:-} ]]; then prove pair.pem; fi

gh secret set "$SECRET_NAME" --repo "$GH_HOST/$REPOSITORY" <pair.pem
