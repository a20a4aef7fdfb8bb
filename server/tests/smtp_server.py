"""An SMTP server for the tests of mail: aiosmtpd, which keeps what it takes as files.

What happens to a mail is said by the name that it is for:
  busy…  is refused twice for now, then taken
  gone…  is refused for good
  cut…   is taken, and the connection ends before the server has said so, once
"""

import asyncio
import os
import sys
import uuid

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
import ssl

host, port, folder, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


class Keeper:
    def __init__(self):
        self.seen = {}

    def count(self, address):
        self.seen[address] = self.seen.get(address, 0) + 1
        return self.seen[address]

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy") and self.count(address) <= 2:
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(folder, f"{uuid.uuid4().hex}.eml")
        with open(name + ".part", "wb") as file:
            file.write(f"X-Envelope-To: {' '.join(envelope.rcpt_tos)}\r\n".encode())
            file.write(f"X-Login: {getattr(session, 'auth_data', None)}\r\n".encode())
            file.write(f"X-Tls: {session.ssl is not None}\r\n".encode())
            file.write(envelope.original_content)
        os.rename(name + ".part", name)
        first = envelope.rcpt_tos[0]
        if first.startswith("cut") and self.count(first) == 1:
            server.transport.abort()
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    if (data.login, data.password) == (b"artiko", b"p@ss w/rd"):
        return AuthResult(success=True, auth_data=data.login.decode())
    return AuthResult(success=False, handled=False)


async def main():
    options = {}
    if mode == "tls":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.environ["SMTP_CERT"], os.environ["SMTP_KEY"])
        options = {
            "tls_context": context,
            "require_starttls": True,
            "authenticator": authenticate,
            "auth_required": True,
        }
    controller = Controller(Keeper(), hostname=host, port=port, **options)
    controller.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
