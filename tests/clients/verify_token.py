"""A token as an application behind the gate reads it: verified by PyJWT with the keys that the gate publishes.

    verify_token.py JWKS_URL ISSUER AUDIENCE < token

Prints its header and its claims as one object of JSON; ends with 1 and the library's name of the fault.
"""

import json
import sys

import jwt

url, issuer, audience = sys.argv[1:]
token = sys.stdin.read()
try:
    key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["ES256", "EdDSA"], issuer=issuer, audience=audience,
                        options={"require": ["exp", "iat", "nbf"]})
except jwt.PyJWTError as fault:
    sys.exit(type(fault).__name__)
print(json.dumps({"header": jwt.get_unverified_header(token), "claims": claims}))
