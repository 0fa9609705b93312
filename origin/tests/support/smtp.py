"""A mail server for tests: real SMTP by aiosmtpd. Prints its port, then a line of JSON for each mail that
it has taken; orders on standard input change how it answers. Ends with its standard input.

    smtp.py plain                      on loopback, for anybody
    smtp.py starttls|implicit DIR      with a certificate of an authority in DIR/ca.pem, for gapura:s3same alone
"""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

import trustme
from aiosmtpd.smtp import SMTP, AuthResult


def say(**told):
    print(json.dumps(told), flush=True)


class Handler:
    order = "accept"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.order == "refuse":
            say(refused=address)
            return "550 5.1.1 No such mailbox"
        if self.order == "later":
            say(put_off=address)
            return "451 4.3.0 Not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = lambda kind: mail.get_body((kind,)).get_content().replace("\r\n", "\n")
        say(
            to=envelope.rcpt_tos,
            id=mail["message-id"],
            subject=mail["subject"],
            headers=[name.lower() for name in mail.keys()],
            text=body("plain"),
            html=body("html"),
            tls=server.transport.get_extra_info("ssl_object") is not None,
            user=session.auth_data.login.decode() if session.auth_data else None,
        )
        if self.order == "hang":
            await asyncio.sleep(3600)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"gapura", b"s3same")
    return AuthResult(success=good, auth_data=data if good else None)


async def main(mode, directory=None):
    handler, tls, options = Handler(), None, {}
    if mode != "plain":
        authority = trustme.CA()
        authority.cert_pem.write_to_path(directory + "/ca.pem")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(tls)
        options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": mode == "starttls"}
    if mode == "starttls":
        options |= {"tls_context": tls, "require_starttls": True}
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(handler, hostname="localhost", **options)
    server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls if mode == "implicit" else None)
    say(port=server.sockets[0].getsockname()[1])
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        handler.order = line.strip()
        say(order=handler.order)


try:
    asyncio.run(main(*sys.argv[1:]))
except KeyboardInterrupt:
    pass
